-- What Stripe knows of an account, as it was when it was last fetched. No row: it never paid.
CREATE TABLE billing (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    version bigint NOT NULL,                 -- rises with every change: what was fetched before the
                                             -- newest one is not applied
    customer text,                           -- Stripe's ids
    subscription text,
    checkout text,                           -- the newest checkout session, while it may be paid
    status text,                             -- of the subscription, in Stripe's words
    period_end timestamptz,
    cancels boolean NOT NULL                 -- at the end of the period
);
CREATE INDEX billing_customer ON billing (customer);
CREATE INDEX billing_subscription ON billing (subscription);

GRANT SELECT ON billing TO croncoco_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON billing TO croncoco_scheduler;

-- A request that comes again must not go to Stripe again.
GRANT SELECT (id, fingerprint, status, body) ON answers TO croncoco_gateway;
