/// What a server says is left of a quota: a member of the `RateLimit` field (draft-ietf-httpapi-ratelimit-headers-11).
public struct HTTPRateLimit: Sendable, Hashable {
    /// The name of the policy.
    public var name: String

    /// How much is left: zero or more.
    public var remaining: Int

    /// In how long there is more, in whole seconds on the wire; `nil` if it is not said.
    public var reset: Duration?

    /// Which clients share the quota, in base64; `nil` if it is not said.
    public var partitionKey: String?

    /// Creates one. A negative number is written as zero.
    public init(name: String, remaining: Int, reset: Duration? = nil, partitionKey: String? = nil) {
        self.name = name
        self.remaining = remaining
        self.reset = reset
        self.partitionKey = partitionKey
    }

    /// Reads the lines of a `RateLimit` field; `nil` if it has to be ignored.
    public static func parse(_ lines: [String]) -> [HTTPRateLimit]? {
        guard let list = StructuredList(lines) else { return nil }
        var limits: [HTTPRateLimit] = []
        for member in list.members {
            guard let name = member.string, let remaining = member.count("r"), let remaining,
                let reset = member.count("t")
            else { return nil }
            limits.append(
                HTTPRateLimit(
                    name: name, remaining: remaining, reset: reset.map { .seconds($0) },
                    partitionKey: member.partitionKey))
        }
        return limits
    }

    /// The value of a `RateLimit` field. Times are rounded up to seconds.
    public static func text(_ limits: [HTTPRateLimit]) -> String {
        limits.map { limit in
            var text = StructuredList.quoted(limit.name) + ";r=\(wire(limit.remaining))"
            if let reset = limit.reset { text += ";t=\(reset.wholeSecondsUp)" }
            return text + partition(limit.partitionKey)
        }.joined(separator: ", ")
    }

    /// What fits into an integer of a structured field.
    static func wire(_ number: Int) -> Int { min(max(0, number), 999_999_999_999_999) }

    static func partition(_ key: String?) -> String {
        guard let key else { return "" }
        return ";pk=:" + key.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "+/=".contains($0)) } + ":"
    }
}

/// A quota that a server announces: a member of the `RateLimit-Policy` field.
public struct HTTPRateLimitPolicy: Sendable, Hashable {
    /// What a quota counts.
    public enum Unit: String, Sendable, Hashable, CaseIterable {
        /// Requests: what is meant where nothing is said.
        case requests
        /// Bytes of content.
        case contentBytes = "content-bytes"
        /// Requests at the same time.
        case concurrentRequests = "concurrent-requests"
    }

    /// The name of the policy.
    public var name: String

    /// How much is allowed in a window: zero or more.
    public var quota: Int

    /// The window, in whole seconds on the wire; `nil` if it is not said.
    public var window: Duration?

    /// What is counted. Default: requests.
    public var unit: Unit

    /// Which clients share the quota, in base64; `nil` if it is not said.
    public var partitionKey: String?

    /// Creates one. A negative number is written as zero.
    public init(
        name: String, quota: Int, window: Duration? = nil, unit: Unit = .requests, partitionKey: String? = nil
    ) {
        self.name = name
        self.quota = quota
        self.window = window
        self.unit = unit
        self.partitionKey = partitionKey
    }

    /// Reads the lines of a `RateLimit-Policy` field; `nil` if it has to be ignored. Policies with units that are not
    /// known are left out.
    public static func parse(_ lines: [String]) -> [HTTPRateLimitPolicy]? {
        guard let list = StructuredList(lines) else { return nil }
        var policies: [HTTPRateLimitPolicy] = []
        for member in list.members {
            guard let name = member.string, let quota = member.count("q"), let quota, let window = member.count("w")
            else { return nil }
            var unit = Unit.requests
            switch member.parameters["qu"] {
            case nil: break
            case .string(let word)?:
                guard let known = Unit(rawValue: word) else { continue }
                unit = known
            default: return nil
            }
            policies.append(
                HTTPRateLimitPolicy(
                    name: name, quota: quota, window: window.map { .seconds($0) }, unit: unit,
                    partitionKey: member.partitionKey))
        }
        return policies
    }

    /// The value of a `RateLimit-Policy` field. Times are rounded up to seconds.
    public static func text(_ policies: [HTTPRateLimitPolicy]) -> String {
        policies.map { policy in
            var text = StructuredList.quoted(policy.name) + ";q=\(HTTPRateLimit.wire(policy.quota))"
            if let window = policy.window { text += ";w=\(window.wholeSecondsUp)" }
            if policy.unit != .requests { text += ";qu=\"\(policy.unit.rawValue)\"" }
            return text + HTTPRateLimit.partition(policy.partitionKey)
        }.joined(separator: ", ")
    }
}

extension StructuredList.Member {
    fileprivate var string: String? { if case .string(let text) = item { text } else { nil } }

    fileprivate var partitionKey: String? {
        if case .bytes(let key)? = parameters["pk"] { key } else { nil }
    }

    /// A number that is not negative, or that is not there; `nil` for anything else.
    fileprivate func count(_ key: String) -> Int?? {
        switch parameters[key] {
        case nil: .some(nil)
        case .integer(let number)? where number >= 0: .some(Int(clamping: number))
        default: nil
        }
    }
}

extension Duration {
    /// In whole seconds, rounded up; zero for what is negative.
    package var wholeSecondsUp: Int64 {
        let second: Int128 = 1_000_000_000_000_000_000
        return attoseconds > 0 ? Int64(min((attoseconds - 1) / second + 1, 999_999_999_999)) : 0
    }
}
