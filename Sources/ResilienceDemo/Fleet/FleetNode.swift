import Foundation
import Resilience

#if Redis
    import ResilienceRedis
#endif

/// One process of a fleet: calls the upstream, and tells what it sees.
struct FleetNode: Sendable {
    let options: FleetNodeOptions

    #if Redis
        /// Whether this program can reach a Redis server.
        static let isBuilt = true

        /// Checks the URL of a server, without connecting.
        static func check(_ url: String) throws(WrongRedisURL) {
            do { _ = try RedisClient(url) } catch { throw WrongRedisURL(error: error) }
        }

        /// Calls until the task is cancelled.
        func run() async throws {
            let teller = FleetTeller(node: options.number)
            let redis = try RedisClient(options.redis)
            // Without it the first exchange would take the time of connecting, too.
            try? await redis.connect()
            let store = RedisStore(redis)
            let configuration = FleetCircuit.Configuration(
                rule: .init(
                    trip: .failureRate(0.5, minimumCalls: 20), window: .seconds(2),
                    breakLength: .growing(from: .seconds(1), factor: 1.5, upTo: .seconds(4))),
                tick: .milliseconds(250), leaseLength: .seconds(3), grace: .seconds(3), maxRetryDelay: .seconds(1))
            let resilience = try ResilienceModule("node-\(options.number + 1)", observers: [teller]) {
                Registration("orders") {
                    CircuitBreaker.layer(
                        .init(trip: .failureRate(0.5, minimumCalls: 50), breakLength: .fixed(.seconds(2))))
                    Timeout.layer(.seconds(1))
                }.shared(configuration, through: store)
            }
            let client = UpstreamClient(port: options.upstream)
            defer { client.close() }
            try await client.warmUp()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await resilience.run() }
                group.addTask { try await call(client, resilience, teller) }
                group.addTask { try await count(resilience, teller) }
                try await group.next()
                group.cancelAll()
            }
        }

        /// Twenty calls a second, so that together they know sooner than each of them.
        private func call(
            _ client: UpstreamClient, _ resilience: ResilienceModule, _ teller: FleetTeller
        ) async throws {
            let policy = try resilience.policy("orders")
            let clock = ContinuousClock()
            var next = clock.now
            var number = 0
            teller.tell(.ready)
            try await withThrowingDiscardingTaskGroup { group in
                while true {
                    number += 1
                    let call = options.number * 1_000_000 + number
                    group.addTask {
                        do {
                            _ = try await policy.execute {
                                let response = try await client.state(ofOrder: call, call: call)
                                guard response.status < 500 else { throw Failed(status: response.status) }
                            }
                            teller.count(\.succeeded)
                        } catch is any PolicyRejection {
                            teller.count(\.refused)
                        } catch {
                            if !Task.isCancelled { teller.count(\.failed) }
                        }
                    }
                    next += .milliseconds(50)
                    try await clock.sleep(until: next)
                }
            }
        }

        /// Says what has been counted, four times a second.
        private func count(_ resilience: ResilienceModule, _ teller: FleetTeller) async throws {
            let circuit = try resilience.fleetCircuit("orders")
            while true {
                try await ContinuousClock().sleep(for: .milliseconds(250))
                // Asked before the lock is taken: a break that is over is told of by the first task that sees it.
                let (totals, state, shared) = (circuit.totals, circuit.breaker.state, circuit.shared)
                teller.tell(.counted) { message in
                    message.state = "\(state)"
                    message.fleet =
                        switch shared.phase {
                        case .closed: "closed"
                        case .open: "open"
                        case .probing: "half-open"
                        }
                    message.exchanges = totals.succeededExchanges
                    message.errors = totals.failedExchanges
                }
            }
        }
    #else
        /// Whether this program can reach a Redis server.
        static let isBuilt = false

        /// Finds nothing wrong: there is no server to meet.
        static func check(_ url: String) throws(WrongRedisURL) {}

        /// Does nothing: there is no server to meet.
        func run() async throws {}
    #endif
}

#if Redis
    /// The upstream answered, but did not do its work.
    private struct Failed: Error { let status: Int }

    /// Writes what a process has to tell, a line each.
    private final class FleetTeller: PolicyObserver {
        private let state: Lock<FleetMessage>

        init(node: Int) { state = Lock(FleetMessage(node, .counted)) }

        func count(_ path: any WritableKeyPath<FleetMessage, Int> & Sendable) {
            state.withLock { $0[keyPath: path] += 1 }
        }

        func tell(_ kind: FleetMessage.Kind, _ change: (inout FleetMessage) -> Void = { _ in }) {
            let message = state.withLock { message in
                message.kind = kind
                message.at = Date().timeIntervalSince1970 * 1_000
                change(&message)
                return message
            }
            try? Terminal.write(message.line)
        }

        func observe(_ event: some PolicyEvent) {
            switch event {
            case let event as CircuitBreaker.Event:
                guard case .transition(let transition) = event.kind else { return }
                tell(.changed) { message in
                    message.state = "\(transition.to)"
                    message.reason = "\(transition.reason)"
                }
            case let event as FleetCircuit.Event:
                switch event.kind {
                case .degraded: tell(.degraded)
                case .recovered: tell(.recovered)
                default: break
                }
            default: break
            }
        }
    }
#endif
