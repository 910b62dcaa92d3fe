// Checks an alert as the API's documentation shows it: {"secret", "payload", "signature"} on standard
// input; "true" or "false" on standard output.
const crypto = require('crypto');
function verifySignature(body, signature, secret) {
const expected = crypto
.createHmac('sha256', secret)
.update(body)
.digest('hex');
return crypto.timingSafeEqual(
Buffer.from(signature),
Buffer.from(expected)
);
}

const request = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(String(verifySignature(request.payload, request.signature, request.secret)));
