#if Hummingbird
    internal import Hummingbird
    internal import Resilience

    /// Which limit requests count against.
    enum RequestLimit<Context: RequestContext>: Sendable {
        case shared(RateLimiter)
        case keyed(KeyedRateLimiter<String>, @Sendable (Request, Context) -> String?)

        /// The part that a request counts against; `nil` if no limit is for it.
        func share(of request: Request, _ context: Context) -> LimitShare? {
            switch self {
            case .shared(let limiter): .shared(limiter)
            case .keyed(let limiter, let key): key(request, context).map { .keyed(limiter, boundedKey($0)) }
            }
        }
    }

    /// A limit, or what one key has of it.
    enum LimitShare: Sendable {
        case shared(RateLimiter)
        case keyed(KeyedRateLimiter<String>, String)

        /// Takes a permit, for which it waits as long as the limiter and the call's deadline allow.
        @concurrent
        func takePermit(in context: CallContext) async throws {
            switch self {
            case .shared(let limiter): try await limiter.execute(context) { _ in }
            case .keyed(let limiter, let key): try await limiter[key].execute(context) { _ in }
            }
        }

        /// The name of the limiter.
        var name: String {
            switch self {
            case .shared(let limiter): limiter.name
            case .keyed(let limiter, _): limiter.name
            }
        }

        /// What is left.
        var quota: RateLimiter.Quota {
            switch self {
            case .shared(let limiter): limiter.quota
            case .keyed(let limiter, let key): limiter.quota(for: key)
            }
        }
    }

    /// The key itself, or, if it is long, one of bounded length in its place: what a client makes up must not decide
    /// how much memory a limiter takes.
    func boundedKey(_ key: String) -> String {
        guard key.utf8.count > 128 else { return key }
        // Seeded for each process, so that no client can choose two keys that share one limit.
        var hash = Hasher()
        hash.combine(key)
        let digits = String(UInt(bitPattern: hash.finalize()), radix: 16)
        return String(key.unicodeScalars.prefix(24).map(Character.init)) + "…" + digits
    }
#endif
