internal import CircuitBreakers
internal import ResilienceCore

extension Row {
    static let breakers = [
        closedBreaker, closedBreaker.withTwoCallers(),
        naiveMutex, naiveMutex.withTwoCallers(),
        naiveActor, naiveActor.withTwoCallers(),
        closed("breaker, consecutive failures", .init(trip: .consecutiveFailures(5))),
        closed("breaker, time window", .init(window: .time(.seconds(10)))),
        closed("breaker, count window, slow calls", .init(slowCallDuration: .seconds(1))),
        Row("breaker, no-op observer", .library) {
            let breaker = try CircuitBreaker("observed", observers: [NoOpObserver()])
            return { try await call(breaker, $0) }
        },
        Row("breaker, permit by hand", .library) {
            let breaker = try CircuitBreaker("permit")
            return { count in
                var sum = 0
                for _ in 0..<count {
                    let permit = try breaker.tryAcquirePermit()
                    sum = try await operation(sum)
                    permit.succeed()
                }
                consume(sum)
            }
        },
        Row("breaker, failing call", .library) {
            let breaker = try CircuitBreaker("failing", .init(initialState: .observing))
            return { count in
                for _ in 0..<count {
                    do { _ = try await breaker.execute { try await failingOperation() } } catch {}
                }
            }
        },
        Row("breaker, open, rejected", .library) {
            let breaker = try CircuitBreaker("open")
            try breaker.open(for: .seconds(3600))
            return { count in
                for _ in 0..<count {
                    do { _ = try await breaker.execute { try await operation(0) } } catch {}
                }
            }
        },
        Row("naive Mutex breaker, open, rejected", .alternative) {
            let breaker = NaiveMutexBreaker()
            breaker.open()
            return { count in
                for _ in 0..<count {
                    do { _ = try await breaker.execute { try await operation(0) } } catch {}
                }
            }
        },
        Row("naive actor breaker, open, rejected", .alternative) {
            let breaker = NaiveActorBreaker()
            return { count in
                await breaker.open()
                for _ in 0..<count {
                    do { _ = try await breaker.execute { try await operation(0) } } catch {}
                }
            }
        },
    ]

    private static let closedBreaker = closed("breaker, count window", .init(window: .calls(100)))

    private static let naiveMutex = Row("naive Mutex breaker", .alternative) {
        let breaker = NaiveMutexBreaker()
        return { count in
            var sum = 0
            for _ in 0..<count { sum = try await breaker.execute { try await operation(sum) } }
            consume(sum)
        }
    }

    private static let naiveActor = Row("naive actor breaker", .alternative) {
        let breaker = NaiveActorBreaker()
        return { count in
            var sum = 0
            for _ in 0..<count { sum = try await breaker.execute { [sum] in try await operation(sum) } }
            consume(sum)
        }
    }

    private static func closed(_ name: String, _ configuration: CircuitBreaker.Configuration) -> Row {
        Row(name, .library) {
            let breaker = try CircuitBreaker("closed", configuration)
            return { try await call(breaker, $0) }
        }
    }
}

@inline(never)
func call(_ breaker: CircuitBreaker, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await breaker.execute { try await operation(sum) } }
    consume(sum)
}

struct NoOpObserver: PolicyObserver {
    func observe(_ event: some PolicyEvent) {}
}
