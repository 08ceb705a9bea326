GRANT SELECT (body_sha256) ON standard_webhook_events TO semel_receiver;
