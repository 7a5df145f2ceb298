#if Hummingbird
    internal import HTTPSemantics
    internal import HTTPTypes
    internal import Resilience

    extension HTTPFields {
        /// What is left of a limit, as `RateLimit` and `RateLimit-Policy` say it
        /// (draft-ietf-httpapi-ratelimit-headers).
        init(_ share: LimitShare) {
            self.init()
            let (name, quota) = (share.name, share.quota)
            let policy = HTTPRateLimitPolicy(name: name, quota: quota.rule.permits, window: quota.rule.period)
            // `Retry-After` must not be earlier.
            let reset = quota.available == 0 ? Swift.max(.seconds(1), quota.nextPermit) : nil
            let limit = HTTPRateLimit(name: name, remaining: quota.available, reset: reset)
            append("RateLimit-Policy", HTTPRateLimitPolicy.text([policy]))
            append("RateLimit", HTTPRateLimit.text([limit]))
        }

        private mutating func append(_ name: String, _ value: String) {
            if let name = HTTPField.Name(name) { append(HTTPField(name: name, value: value)) }
        }
    }
#endif
