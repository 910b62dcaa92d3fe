-- For the housekeeping: rotated secrets that are to be forgotten, among the many that are not.
CREATE INDEX webhook_secrets_expiring ON webhook_secrets (expires_at) WHERE expires_at IS NOT NULL;
