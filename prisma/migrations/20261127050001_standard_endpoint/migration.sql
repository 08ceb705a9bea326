GRANT SELECT (endpoint_id) ON standard_webhook_events TO semel_receiver;
