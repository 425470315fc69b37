// What GraphQL over HTTP asks of a server, tried on the one at argv[2]: [{name, status, reason}].
import { auditServer } from "graphql-http";

const results = await auditServer({ url: process.argv[2] });
const shown = results.map(({ name, status, reason }) => ({ name, status, reason: reason ?? null }));
process.stdout.write(JSON.stringify(shown));
