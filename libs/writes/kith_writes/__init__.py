"""Group commit: writes that come at once share one transaction, with the guarantees of one each."""
