// What the programs of the three clients share: the task they are given, and how examples refer to what is there.
import { readFileSync } from "node:fs";

// {url, token, real: {WORD: value}, examples: [{text, given}]}
export const task = JSON.parse(readFileSync(process.argv[2], "utf8"));

/** The variables of an example, its words in capitals replaced by what they stand for. */
export function variablesOf(example) {
  return JSON.parse(example.given, (_, value) => task.real[value] ?? value);
}

/** Remember what later examples need of an answer. */
export function remember(data) {
  for (const payload of Object.values(data ?? {})) {
    if (payload?.login?.refreshToken) task.real.REFRESH_TOKEN = payload.login.refreshToken;
  }
}

/** The token to send an example with; signing in needs none. */
export function authorization(text) {
  return text.includes("mutation LogIn") ? {} : { authorization: `Bearer ${task.token}` };
}

export function report(found) {
  process.stdout.write(JSON.stringify(found));
}
