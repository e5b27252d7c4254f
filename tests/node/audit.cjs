// Runs the audits of graphql-http against the server whose URL is given, and prints what each found.
const { auditServer } = require('graphql-http');

auditServer({ url: process.argv[2] }).then((results) => {
  console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
});
