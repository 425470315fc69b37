"""Who is held back from a first pairing by training: one condition, wherever pairings are made."""


def held_back(e: str) -> str:
    """SQL: whether the enrollment `e` (an alias) may not be paired yet. It has modules open that its side requires,
    nobody exempted the member, and they never had a pairing on that side of the program, of which those brought from
    outside are none: a module that comes later holds back nobody who has begun.
    """
    return f"""(
  EXISTS (SELECT FROM training_modules tm WHERE tm.program_id = {e}.program_id AND {e}.side = ANY(tm.required_for)
    AND NOT EXISTS (SELECT FROM training_completions tc WHERE tc.module_id = tm.id AND tc.member_id = {e}.member_id))
  AND NOT EXISTS (SELECT FROM training_exemptions te
    WHERE te.program_id = {e}.program_id AND te.member_id = {e}.member_id)
  AND NOT EXISTS (SELECT FROM pairings tp WHERE tp.community_id = {e}.community_id AND tp.program_id = {e}.program_id
    AND tp.status IN ('accepted', 'ended') AND NOT tp.private
    AND (({e}.side = 'mentor' AND tp.mentor_id = {e}.member_id)
      OR ({e}.side = 'mentee' AND tp.mentee_id = {e}.member_id)))
)"""
