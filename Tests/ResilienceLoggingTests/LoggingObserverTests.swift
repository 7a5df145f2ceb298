#if Logging
    import InMemoryLogging
    import Logging
    import Resilience
    import ResilienceLogging
    import ResilienceTesting
    import Testing

    @Suite("Logging")
    struct LoggingObserverTests {
        private let handler = InMemoryLogHandler()

        private func observer(
            _ level: Logger.Level = .trace, levels: LoggingObserver.Levels = .standard
        ) -> LoggingObserver {
            var logger = Logger(label: "test") { _ in handler }
            logger.logLevel = level
            return LoggingObserver(logger, levels: levels)
        }

        private func texts(_ entry: InMemoryLogHandler.Entry?) -> [String: String] {
            (entry?.metadata ?? [:]).mapValues { "\($0)" }
        }

        @Test("a breaker that opens is one line at info, with state, reason and counts from before the change")
        func transition() async throws {
            let clock = ManualClock()
            let breaker = try CircuitBreaker(
                "payments", .init(trip: .failureRate(0.5, minimumCalls: 4), breakLength: .fixed(.seconds(30))),
                clock: clock,
                observers: [observer(.info)])
            for fails in [false, true, false, true] {
                try? await breaker.execute { if fails { throw InjectedFailure() } }
            }
            let entries = handler.entries
            #expect(entries.count == 1)
            #expect(entries.first?.message == "circuit_breaker.transition")
            #expect(entries.first?.level == .info)
            #expect(
                texts(entries.first) == [
                    "resilience.source": "payments", "resilience.from": "closed", "resilience.to": "open",
                    "resilience.reason": "failure rate 0.5", "resilience.calls": "4", "resilience.failures": "2",
                    "resilience.failure_rate": "0.5", "resilience.slow_calls": "0", "resilience.break_seconds": "30.0",
                ])
        }

        @Test("what happens to a call is at debug: attempts with their delays, the error as the error of the entry")
        func calls() async throws {
            let clock = ManualClock()
            let operation = ScriptedOperation<Int>(clock: clock, [.failure(InjectedFailure("down")), .success(1)])
            let policy = try Policy("payments", clock: clock, observers: [observer()]) {
                Retry.layer(.constant(.milliseconds(250)), maxAttempts: 3)
            }
            let call = Task { try await policy.execute { try await operation() } }
            try await clock.waitForSleepers(1)
            clock.advance(by: .milliseconds(250))
            #expect(try await call.value == 1)
            #expect(
                handler.entries.map(\.message) == ["retry.attempt_failed", "retry.succeeded", "policy.succeeded"])
            #expect(handler.entries.allSatisfy { $0.level == .debug })
            let failed = handler.entries.first
            #expect(failed?.error as? InjectedFailure == InjectedFailure("down"))
            #expect(
                texts(failed) == [
                    "resilience.source": "payments", "resilience.attempt": "1", "resilience.delay_seconds": "0.25",
                ])
            #expect(texts(handler.entries.last)["resilience.duration_seconds"] == "0.25")
        }

        @Test("a failure of the module is a warning, a change of its state is info, a registration debug")
        func module() async throws {
            struct Unreadable: Error, Equatable {}
            let clock = ManualClock()
            let module = try ResilienceModule("shop", clock: clock, observers: [observer()]) {
                Registration("payments") { CircuitBreaker.layer() }
            }
            module.reload(every: .seconds(1)) { throw Unreadable() }
            let running = Task { try await module.run() }
            try await clock.waitForSleepers(1)
            await module.shutdown()
            try await running.value
            func level(_ message: Logger.Message) -> Logger.Level? {
                handler.entries.first { $0.message == message }?.level
            }
            #expect(level("module.reload_failed") == .warning)
            #expect(level("module.registered") == .debug)
            #expect(level("module.state_changed") == .info)
            #expect(level("module.ended") == .info)
            #expect(handler.entries.first { $0.message == "module.reload_failed" }?.error is Unreadable)
            #expect(
                handler.entries.filter { $0.message == "module.state_changed" }.map { texts($0)["resilience.to"] }
                    == ["running", "draining", "stopped"])
        }

        @Test("levels are chosen by what events are about, or by their severity, and nil leaves them out")
        func levels() throws {
            let opened = CircuitBreaker.Event(
                source: "b", .wouldOpen(.consecutiveFailures(5), counts: try CircuitBreaker("b").counts))
            let refused = Timeout.Event(source: "t", .rejected(limit: .zero))
            let failed = ResilienceModule.Event(source: "m", .reloadFailed(error: InjectedFailure()))
            let called = Policy.Event(source: "p", .succeeded(duration: .zero))

            let standard = LoggingObserver.Levels.standard
            #expect(standard.level(of: opened) == .info)
            #expect(standard.level(of: refused) == .debug)
            #expect(standard.level(of: failed) == .warning)
            #expect(standard.level(of: called) == .debug)

            let severity = LoggingObserver.Levels.bySeverity(debug: nil, info: .notice, warning: .error)
            #expect(severity.level(of: opened) == .error)
            #expect(severity.level(of: refused) == .notice)
            #expect(severity.level(of: called) == nil)

            let own = LoggingObserver.Levels(calls: nil, changes: .notice, failures: .critical)
            #expect(own.level(of: opened) == .notice)
            #expect(own.level(of: called) == nil)
            #expect(own.level(of: failed) == .critical)
            let observer = observer(levels: own)
            observer.observe(called)
            observer.observe(opened)
            #expect(handler.entries.map(\.level) == [.notice])
        }

        @Test("of an event of one's own the description is logged, at a level by its severity")
        func ownEvents() {
            let observer = observer()
            observer.observe(OwnEvent(severity: .debug))
            observer.observe(OwnEvent(severity: .warning))
            #expect(handler.entries.map(\.level) == [.debug, .info])
            #expect(
                texts(handler.entries.first) == [
                    "resilience.source": "cache", "resilience.description": "cache was cold",
                ])
        }

        @Test("where the level is off nothing of an event is formatted")
        func noWork() {
            let described = Lock(0)
            let event = OwnEvent(severity: .debug) { described.withLock { $0 += 1 } }
            observer(.info).observe(event)
            #expect(described.withLock { $0 } == 0)
            observer(.debug).observe(event)
            #expect(described.withLock { $0 } == 1)
        }

        @Test("an observer is added once, however many policies share a layer")
        func once() async throws {
            let observer = observer()
            let breaker = try CircuitBreaker("shared", .init(trip: .consecutiveFailures(1)))
            for name in ["a", "b"] { _ = try Policy(name, observers: [observer]) { breaker }.layers }
            breaker.addObserver(observer)
            breaker.addObserver(observer)
            try? await breaker.execute { throw InjectedFailure() }
            #expect(handler.entries.filter { $0.message == "circuit_breaker.transition" }.count == 1)
        }
    }

    private struct OwnEvent: PolicyEvent {
        var severity: EventSeverity
        var isDescribed: @Sendable () -> Void = {}

        var source: String { "cache" }
        var name: String { "cache.cold" }
        var description: String {
            isDescribed()
            return "cache was cold"
        }
    }
#endif
