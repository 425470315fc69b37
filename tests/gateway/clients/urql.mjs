// urql: every example, then a page, an error of the document and one of a request without a token.
import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { parse } from "graphql";

import { authorization, remember, report, task, variablesOf } from "./common.mjs";

const client = new Client({ url: task.url, exchanges: [cacheExchange, fetchExchange], preferGetMethod: task.byGet });

async function ask(text, variables, headers = authorization(text)) {
  const operation = parse(text).definitions.find((each) => each.kind === "OperationDefinition").operation;
  return client[operation](text, variables, { fetchOptions: { headers } }).toPromise();
}

const answers = [];
for (const example of task.examples) {
  const { data, error } = await ask(example.text, variablesOf(example));
  remember(data);
  answers.push({ name: parse(example.text).definitions[0].name.value, data, error: error?.message ?? null });
}
const bad = await ask("query Bad { nothing }");
const stranger = await ask("query Stranger { viewer { permissions } }", {}, {});
report({
  answers,
  refused: bad.error.graphQLErrors[0].extensions.code,
  stranger: stranger.error.graphQLErrors[0].extensions.code,
});
