// Signs an event as Stripe's own package does: {"payload", "secret", "timestamp"} on standard input,
// the value of Stripe-Signature on standard output.
const Stripe = require("stripe");

const request = JSON.parse(require("fs").readFileSync(0, "utf8"));
const stripe = new Stripe("sk_test_none");
process.stdout.write(stripe.webhooks.generateTestHeaderString(request));
