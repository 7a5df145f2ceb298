// Requests of async-http-client through a policy per authority.
