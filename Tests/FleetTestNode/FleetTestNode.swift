#if Redis
    import Foundation
    import Resilience
    import ResilienceCore
    import ResilienceRedis

    /// One process of a fleet, for tests: does what it is told on its standard input, a line each, and answers on its
    /// standard output, a line each. Ends with its input.
    @main
    struct FleetTestNode {
        static func main() async throws {
            let node = try Node(url: CommandLine.arguments[1])
            let lines = AsyncStream<String> { lines in
                Thread.detachNewThread {
                    while let line = readLine() { lines.yield(line) }
                    exit(0)
                }
            }
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await node.circuit.run() }
                group.addTask { try await node.limiter.run() }
                for await line in lines {
                    let words = line.split(separator: " ").map(String.init)
                    group.addTask { await node.obey(words[0], words.dropFirst().first.flatMap(Int.init) ?? 0) }
                }
            }
        }
    }

    private final class Node: Sendable {
        private struct Failed: Error {}

        let breaker: CircuitBreaker
        let circuit: FleetCircuit
        let limiter: SharedRateLimiter

        init(url: String) throws {
            var configuration = RedisClient.Configuration()
            configuration.operationLimit = .seconds(2)
            let store = RedisStore(try RedisClient(url, configuration))
            breaker = try CircuitBreaker(
                "payments", .init(trip: .consecutiveFailures(1_000), halfOpen: .init(probes: 1)))
            circuit = try FleetCircuit(
                breaker,
                .init(
                    rule: .init(
                        trip: .failures(4), window: .seconds(60),
                        breakLength: .fixed(.milliseconds(500))),
                    tick: .milliseconds(100), operationLimit: .seconds(2), leaseLength: .seconds(1),
                    grace: .seconds(60), maxRetryDelay: .milliseconds(200)),
                through: store)
            limiter = try SharedRateLimiter(
                "partner",
                .init(
                    rule: .init(permits: 500, period: .seconds(1), burst: 200), maxWait: .milliseconds(100),
                    operationLimit: .seconds(2), whenUnavailable: .closed), through: store)
        }

        func obey(_ command: String, _ number: Int) async {
            switch command {
            // How many calls succeeded, failed, and were refused, and how many ended in another way.
            case "succeed": await say(outcomes(number) {})
            case "fail": await say(outcomes(number) { throw Failed() })
            case "state":
                let totals = circuit.totals
                await say("\(breaker.state) \(totals.opened) \(totals.succeededExchanges)")
            case "probe": await probe()
            case "use": await use(milliseconds: number)
            default: await say("unknown")
            }
        }

        private func outcomes(_ count: Int, _ operation: @Sendable () async throws -> Void) async -> String {
            var (succeeded, failed, refused, other) = (0, 0, 0, 0)
            for _ in 0..<count {
                do {
                    try await breaker.execute { try await operation() }
                    succeeded += 1
                } catch is Failed {
                    failed += 1
                } catch is any PolicyRejection {
                    refused += 1
                } catch {
                    other += 1
                }
            }
            return "\(succeeded) \(failed) \(refused) \(other)"
        }

        /// Calls until one is let through, which never returns.
        private func probe() async {
            while true {
                do {
                    try await breaker.execute {
                        await say("probing")
                        try await Task.sleep(for: .seconds(3_600))
                    }
                } catch {
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
        }

        /// Uses permits as fast as they come, and tells when, by the clock that all processes share.
        private func use(milliseconds: Int) async {
            await say("using")
            var uses: [Int64] = []
            let end = Self.now + Int64(milliseconds) * 1_000_000
            while Self.now < end {
                do {
                    try await limiter.acquire()
                    uses.append(Self.now)
                } catch {
                    try? await Task.sleep(for: .milliseconds(1))
                }
            }
            await say(uses.map(String.init).joined(separator: " "))
        }

        private static var now: Int64 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }

        private func say(_ text: String) async {
            FileHandle.standardOutput.write(Data((text + "\n").utf8))
        }
    }
#else
    /// There is nobody to meet.
    @main
    struct FleetTestNode {
        static func main() {}
    }
#endif
