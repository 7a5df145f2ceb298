#if Hummingbird
    internal import HTTPTypes
    internal import Resilience

    extension HTTPFields {
        /// What is left of a limit, as `RateLimit` and `RateLimit-Policy` say it (draft-ietf-httpapi-ratelimit-headers).
        init(_ share: LimitShare) {
            self.init()
            let quota = share.quota
            let name = quotedName(share.name)
            let rule = quota.rule
            append(
                HTTPField(name: .rateLimitPolicy, value: "\(name);q=\(rule.limit);w=\(rule.period.wholeSeconds)"))
            let wait = quota.available == 0 ? ";t=\(quota.nextPermit.wholeSeconds)" : ""
            append(HTTPField(name: .rateLimit, value: "\(name);r=\(quota.available)\(wait)"))
        }
    }

    /// A name as a string of structured fields (RFC 9651, section 3.3.3), which takes printable ASCII only.
    private func quotedName(_ name: String) -> String {
        var text = "\""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case " "..."~": text.unicodeScalars.append(scalar)
            default: text += "?"
            }
        }
        return text + "\""
    }

    extension HTTPField.Name {
        static let rateLimit = Self.known("RateLimit")
        static let rateLimitPolicy = Self.known("RateLimit-Policy")

        private static func known(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .retryAfter }
    }
#endif
