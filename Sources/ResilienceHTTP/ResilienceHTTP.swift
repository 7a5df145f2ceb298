// Requests and responses of swift-http-types.
