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
            /// The client tries to connect for longer than an attempt may take: a host that is down is reported as a
            /// timeout, and not as what it is.
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
                        + "for each host"
                case .connectTimeoutExceedsAttempt(let connect, let attempt):
                    "the client connects for up to \(connect), and an attempt of \"\(source)\" takes at most \(attempt)"
                }
            }
        }

        /// Something that a client notices, whose source is the policy.
        public typealias Event = SourcedEvent<EventKind>

        /// Adds an observer of the client's own events. Those of its policies go to theirs.
        public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

        func warn(of policy: Policy, _ pool: PoolCheck) {
            for bulkhead in policy.strategies(Bulkhead.self) where bulkhead.limit > pool.connections {
                events.notify(
                    .bulkheadExceedsPool(limit: bulkhead.limit, connections: pool.connections), from: bulkhead.name)
            }
            // The innermost limit is that of an attempt.
            guard let timeout = policy.strategies(Timeout.self).last,
                let attempt = timeout.configuration.duration(of: policy.rootContext), pool.connect > attempt
            else { return }
            events.notify(
                .connectTimeoutExceedsAttempt(connect: pool.connect, attempt: attempt), from: timeout.name)
        }
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
        let connections: Int
        let connect: Duration
        private let isDone = Atomic(false)

        init(_ configuration: HTTPClient.Configuration) {
            connections = configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit
            // The client's own default.
            connect = .nanoseconds(configuration.timeout.connect?.nanoseconds ?? 10_000_000_000)
        }

        func isFirst() -> Bool {
            !isDone.load(ordering: .relaxed) && !isDone.exchange(true, ordering: .relaxed)
        }
    }
#endif
