// Relay: every example, then pages of a connection, a refetch by id, a mutation that adds to a connection, nodes.
const { readFileSync } = require("node:fs");
const {
  ConnectionHandler, Environment, Network, RecordSource, Store, commitMutation, createOperationDescriptor, fetchQuery,
} = require("relay-runtime");

const generated = (name) => require(`./src/__generated__/${name}.graphql.js`);
const task = JSON.parse(readFileSync(process.argv[2], "utf8"));
const variablesOf = (given) => JSON.parse(given, (_, value) => task.real[value] ?? value);

const network = Network.create(async ({ text, name }, variables) => {
  const signed = name.startsWith("LogIn") ? {} : { authorization: `Bearer ${task.token}` };
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json", ...signed };
  const answer = await fetch(task.url, { method: "POST", headers, body: JSON.stringify({ query: text, variables }) });
  return answer.json();
});
const environment = new Environment({ network, store: new Store(new RecordSource()) });
const ask = (name, variables) =>
  fetchQuery(environment, generated(name), variables, { fetchPolicy: "network-only" }).toPromise();
const act = (name, variables) =>
  new Promise((resolve, reject) => {
    commitMutation(environment, {
      mutation: generated(name), variables, onCompleted: (data, errors) => resolve({ data, errors }), onError: reject,
    });
  });

async function main() {
  const answers = [];
  for (const { name, given } of task.examples) {
    const variables = variablesOf(given);
    const data = name.endsWith("Mutation") ? (await act(name, variables)).data : await ask(name, variables);
    for (const payload of Object.values(data)) {
      if (payload?.login?.refreshToken) task.real.REFRESH_TOKEN = payload.login.refreshToken;
    }
    answers.push({ name, data });
  }

  // What is kept must be retained, or the store forgets it.
  environment.retain(createOperationDescriptor(generated("PairingsQuery"), { first: 1 }));
  await ask("PairingsQuery", { first: 1 });
  const connection = (source) => ConnectionHandler.getConnection(source.getRoot().getLinkedRecord("viewer"), "Pairings_pairings");
  const read = (count) => {
    let found;
    environment.commitUpdate((source) => { found = count(connection(source)); });
    return found;
  };
  const end = read((found) => found.getLinkedRecord("pageInfo").getValue("endCursor"));
  await ask("PairingsPaginationQuery", { first: 1, after: end });
  const pages = read((found) => found.getLinkedRecords("edges").map((edge) => edge.getLinkedRecord("node").getDataID()));

  const again = await ask("PairingsPersonQuery", { id: task.real.MEMBER_ID });
  const nodes = await ask("TalkAnythingQuery", { ids: [task.real.THREAD_ID, task.real.MEMBER_ID] });

  const threadId = task.real.THREAD_ID;
  environment.retain(createOperationDescriptor(generated("TalkPostsQuery"), { threadId }));
  await ask("TalkPostsQuery", { threadId });
  const posts = ConnectionHandler.getConnectionID("client:root", "Talk_posts", { threadId });
  const input = { threadId, body: "By Relay.", clientMutationId: "relay-1" };
  const written = await act("TalkWriteMutation", { input, connections: [posts] });
  let bodies;
  environment.commitUpdate((source) => {
    const edges = source.get(posts).getLinkedRecords("edges");
    bodies = edges.map((edge) => edge.getLinkedRecord("node").getValue("body"));
  });
  process.stdout.write(JSON.stringify({ answers, pages, again, nodes, written, bodies }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
