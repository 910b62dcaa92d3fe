// Checks a delivery as a receiver does: {"secret", "payload", "headers"} on standard input. Standard
// output: the payload as JSON; or an error, and its class, on standard error.
const { Webhook } = require("standardwebhooks");

const request = JSON.parse(require("fs").readFileSync(0, "utf8"));
try {
  const event = new Webhook(request.secret).verify(request.payload, request.headers);
  process.stdout.write(JSON.stringify(event));
} catch (error) {
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exit(1);
}
