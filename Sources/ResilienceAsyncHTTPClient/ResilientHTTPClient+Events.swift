#if AsyncHTTPClient
    internal import AsyncHTTPClient
    internal import NIOCore
    public import Resilience
    internal import ResilienceCore
    internal import Synchronization

    extension ResilientHTTPClient {
        /// What a client notices of its own settings, once, with its first request.
        public enum EventKind: PolicyEventKind {
            /// The bulkhead lets more requests run than the client has HTTP/1 connections for each host: what is too
            /// many waits in the client, where no layer sees it.
            case bulkheadExceedsPool(limit: Int, connections: Int)
            /// The client tries to connect for as long as an attempt may take, or longer: a host that is down is
            /// reported as a timeout, and not as what it is, so that a POST is neither repeated nor made elsewhere.
            case connectTimeoutExceedsAttempt(connect: Duration, attempt: Duration)

            /// Warnings.
            public var label: (name: String, severity: EventSeverity) {
                switch self {
                case .bulkheadExceedsPool: ("http_client.bulkhead_exceeds_pool", .warning)
                case .connectTimeoutExceedsAttempt: ("http_client.connect_timeout_exceeds_attempt", .warning)
                }
            }

            /// A sentence for logs.
            public func description(of source: String) -> String {
                switch self {
                case .bulkheadExceedsPool(let limit, let connections):
                    "bulkhead \"\(source)\" lets \(limit) requests run, and the client has \(connections) connections "
                        + "for each host: let the one be at most the other"
                case .connectTimeoutExceedsAttempt(let connect, let attempt):
                    "the client tries to connect for \(connect.sentenceForm), and an attempt of \"\(source)\" takes at most "
                        + "\(attempt.sentenceForm), so that a host that is down looks like a slow one: set a shorter "
                        + "timeout.connect"
                }
            }
        }

        /// Something that a client notices, whose source is the policy.
        public typealias Event = SourcedEvent<EventKind>

        /// Adds an observer of the client's own events. Those of its policies go to theirs.
        public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }
    }

    extension ResilientHTTPClient.EventKind: EventContent {
        package var subject: EventSubject { .failure }

        package func add(to details: inout EventDetails) {
            switch self {
            case .bulkheadExceedsPool(let limit, let connections):
                details.add("limit", limit)
                details.add("connections", connections)
            case .connectTimeoutExceedsAttempt(let connect, let attempt):
                details.add(seconds: "connect", connect)
                details.add(seconds: "attempt", attempt)
            }
        }
    }

    /// What is known of a client's pool, and whether it has been compared yet.
    final class PoolCheck: Sendable {
        private let connections: Int
        private let connect: Duration
        private let isDone = Atomic(false)

        /// - Parameter configuration: What the client was made with; known of the shared one.
        /// - Returns: `nil` if nothing is known.
        convenience init?(of client: HTTPClient, _ configuration: HTTPClient.Configuration?) {
            guard let known = configuration ?? (client === HTTPClient.shared ? .singletonConfiguration : nil) else {
                return nil
            }
            self.init(known)
        }

        private init(_ configuration: HTTPClient.Configuration) {
            connections = configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit
            // The client's own default.
            connect = .nanoseconds(configuration.timeout.connect?.nanoseconds ?? 10_000_000_000)
        }

        /// Warns of what the first policy contradicts.
        ///
        /// - Parameters:
        ///   - first: The policy; asked for once.
        ///   - events: The channel to warn on.
        ///   - observers: The observers to notify, in addition to those of the channel; asked for once.
        func warn(
            of first: @autoclosure () -> Policy, _ events: EventChannel<ResilientHTTPClient.EventKind>,
            observers: @autoclosure () -> [any PolicyObserver]
        ) {
            guard !isDone.load(ordering: .relaxed), !isDone.exchange(true, ordering: .relaxed) else { return }
            let policy = first()
            for observer in observers() { events.add(observer) }
            for bulkhead in policy.strategies(Bulkhead.self) where bulkhead.limit > connections {
                events.notify(
                    .bulkheadExceedsPool(limit: bulkhead.limit, connections: connections), from: bulkhead.name)
            }
            // The innermost limit is that of an attempt, and begins before the client's own.
            guard let timeout = policy.strategies(Timeout.self).last,
                let attempt = timeout.configuration.duration(of: policy.rootContext), connect >= attempt
            else { return }
            events.notify(.connectTimeoutExceedsAttempt(connect: connect, attempt: attempt), from: timeout.name)
        }
    }
#endif
