public import ResilienceCore

/// Judges responses: which are failures, and what they say.
///
/// ```swift
/// let rule = HTTPResponseRule()
/// let failure = rule.failure(status: 503, headers: { $0 == "retry-after" ? ["2"] : [] })
/// ```
public struct HTTPResponseRule: Sendable {
    /// Which statuses are failures. Default: ``HTTPStatusRule/transient``.
    public var statuses: HTTPStatusRule

    /// Whether the `RateLimit` field of a failed response counts where there is no `Retry-After`: if a quota has
    /// nothing left, its time until there is. Default: true.
    public var readsRateLimit: Bool

    /// The longest time that a server may ask for; one that asks for more is taken to have asked for this. Default: one
    /// hour.
    public var maxHint: Duration

    /// Where header fields that cannot be read are counted. Default: ``UnreadableFields/shared``.
    public var unreadable: UnreadableFields

    /// Creates a rule; every part has a default.
    public init(
        statuses: HTTPStatusRule = .transient, readsRateLimit: Bool = true, maxHint: Duration = .seconds(3600),
        unreadable: UnreadableFields = .shared
    ) {
        self.statuses = statuses
        self.readsRateLimit = readsRateLimit
        self.maxHint = maxHint
        self.unreadable = unreadable
    }

    /// The failure of a response; `nil` if it is an answer.
    ///
    /// - Parameters:
    ///   - status: The response's status.
    ///   - now: The time of day, in seconds since the beginning of 1970, for dates in `Retry-After`. Not needed where
    ///     the response has a `Date`, from which such a date is counted: the clocks of client and server may disagree.
    ///   - headers: The response's header fields.
    public func failure(
        status: Int, secondsSince1970 now: Double? = nil, headers: HTTPHeaderLookup
    ) -> HTTPFailure? {
        guard statuses.contains(status) else { return nil }
        return HTTPFailure(status: status, hint: hint(secondsSince1970: now, headers: headers))
    }

    /// What the header fields of a response say about trying again; `nil` if nothing that can be read.
    ///
    /// Of several `Retry-After` fields the longest time counts.
    public func hint(secondsSince1970 now: Double? = nil, headers: HTTPHeaderLookup) -> ServerHint? {
        let values = headers("retry-after")
        if !values.isEmpty {
            let now = present(now, headers)
            var longest: Duration?
            for value in values {
                switch ServerHint.http(retryAfter: value, secondsSince1970: now) {
                case .retryAfter(let delay): longest = max(longest ?? .zero, delay)
                case .doNotRetry, .unreadable: unreadable.count(.retryAfter)
                }
            }
            if let longest { return .retryAfter(min(longest, max(.zero, maxHint))) }
        }
        guard readsRateLimit, let limits = unreadable.rateLimits(headers) else { return nil }
        let exhausted = limits.filter { $0.remaining == 0 }.compactMap(\.reset).max()
        return exhausted.map { .retryAfter(min($0, max(.zero, maxHint))) }
    }

    /// The server's time where it tells it.
    private func present(_ now: Double?, _ headers: HTTPHeaderLookup) -> Double {
        if let date = headers("date").first,
            // The century does not matter here: a `Date` has been sent just now.
            let server = secondsSince1970(ofHTTPDate: date, now: now ?? 1.7e9)
        {
            return server
        }
        return now ?? .nan
    }
}
