import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// Which errors count as failures.
@Suite(.timeLimit(.minutes(30)))
struct ConditionTests {
    private struct Wrong: Error {}
    private struct Full: PolicyRejection {
        var policyName: String { "bulkhead" }
        var reason: String { "full" }
        var retryAfter: Duration? { nil }
        var description: String { reason }
    }

    private func fail(_ fixture: Fixture, _ error: some Error & Sendable, times: Int = 1) async {
        for _ in 0..<times {
            await #expect(throws: type(of: error)) { try await fixture.breaker.execute { throw error } }
        }
    }

    private func configuration(handles: ErrorCondition = .all, ignores: ErrorCondition = .none) -> Configuration {
        Configuration(
            trip: .consecutiveFailures(6), breakLength: .fixed(.seconds(60)), halfOpen: .init(probes: 1),
            handles: handles, ignores: ignores)
    }

    @Test("GB-21: any error is a failure, counted once, and passes through unchanged")
    func anyError() async throws {
        // What cannot be caught in Swift, a trap, ends the process; all else is an error.
        let fixture = try Fixture(configuration())
        await #expect(throws: InjectedFailure("panic")) {
            try await fixture.breaker.execute { throw InjectedFailure("panic") }
        }
        #expect(fixture.breaker.counts.row == [1, 0, 1, 0, 0, 1])
    }

    @Test("GB-22: every error may be a success")
    func everyErrorIsASuccess() async throws {
        let fixture = try Fixture(configuration(handles: .none))
        await fail(fixture, InjectedFailure(), times: 5)
        #expect(fixture.state == .closed && fixture.breaker.counts.row == [5, 5, 0, 0, 5, 0])
    }

    @Test("GB-23: one error is ignored, others are failures")
    func oneIgnored() async throws {
        let fixture = try Fixture(configuration(ignores: .only(Wrong.self)))
        await fail(fixture, Wrong(), times: 3)
        #expect(fixture.breaker.counts.row == [3, 0, 0, 3, 0, 0])
        for _ in 1...3 { try await fixture.breaker.execute {} }
        #expect(fixture.breaker.counts.row == [6, 3, 0, 3, 3, 0])
        await fail(fixture, InjectedFailure(), times: 2)
        #expect(fixture.breaker.counts.row == [8, 3, 2, 3, 0, 2])
    }

    @Test("FS-23: an error of a layer inside opens the breaker")
    func errorOfAnInnerLayer() async throws {
        let fixture = try Fixture(.fragile())
        await fail(fixture, InjectedFailure("limit of 50 ms reached"))
        #expect(fixture.state == .open)
    }

    @Test func aRejectionOfALayerInsideIsIgnored() async throws {
        let fixture = try Fixture(.fragile())
        await fail(fixture, Full())
        #expect(fixture.state == .closed && fixture.breaker.counts.ignored == 1)
        let inner = try Fixture(.fragile())
        inner.breaker.isolate()
        await #expect(throws: OpenError.self) {
            try await fixture.breaker.execute { try await inner.breaker.execute {} }
        }
        #expect(fixture.state == .closed && fixture.breaker.counts.ignored == 2)
    }

    @Test func aValueThatIsNotAcceptedIsAFailure() async throws {
        let conditions: [(handles: ErrorCondition, ignores: ErrorCondition)] = [
            (.all, .none), (.errors { _ in false }, .none), (.all, .errors { _ in true }), (.all, .only(Wrong.self)),
            (.all, .all), (.only(Wrong.self), .except(Wrong.self)),
        ]
        for condition in conditions {
            var configuration = Configuration.fragile()
            (configuration.handles, configuration.ignores) = condition
            let fixture = try Fixture(configuration)
            let status = try await fixture.breaker.execute(accepting: { $0 < 500 }) { 503 }
            #expect(status == 503 && fixture.state == .open)
        }
    }

    @Test func failuresWhere() async throws {
        let fixture = try Fixture(configuration(ignores: .errors { ($0 as? InjectedFailure)?.label != "server" }))
        await fail(fixture, InjectedFailure("client"))
        await fail(fixture, InjectedFailure("server"))
        await fail(fixture, Full())
        #expect(fixture.breaker.counts.row == [3, 0, 1, 2, 0, 1])
    }

    @Test("DEFECT: cancellation is neither a failure nor a success, whatever the conditions say")
    func cancellation() async throws {
        for script in ["closed", "half-open"] {
            var configuration = Configuration.fragile()
            configuration.handles = .init { _ in true }
            let fixture = try Fixture(configuration)
            if script == "half-open" {
                fixture.breaker.open()
                try fixture.breaker.halfOpen()
            }
            let before = fixture.state
            try await inCancelledTask {
                await fail(fixture, CancellationError())
                await fail(fixture, InjectedFailure("because of the cancellation"))
            }
            #expect(fixture.state == before && fixture.breaker.counts == Counts())
            #expect(fixture.breaker.totals.cancelled == 2 && fixture.breaker.totals.calls == 2)
            #expect(fixture.admits())
        }
    }

    @Test func theCancellationOfSomebodyElseIsAFailure() async throws {
        let fixture = try Fixture(.fragile())
        await fail(fixture, CancellationError())
        #expect(fixture.state == .open)
        fixture.clock.advance(by: .seconds(10))
        await fail(fixture, CancellationError())
        #expect(fixture.path == [.open, .halfOpen, .open], "a probe gets its verdict")
        fixture.clock.advance(by: .seconds(10))
        try fixture.breaker.tryAcquirePermit().fail(CancellationError())
        #expect(fixture.path == [.open, .halfOpen, .open, .halfOpen, .open])
    }

    @Test func aCancelledTaskThatSucceedsIsASuccess() async throws {
        let fixture = try Fixture(.sixInARow)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await fixture.breaker.execute { 7 }
        }
        #expect(try await task.value == 7)
        #expect(fixture.breaker.counts.successes == 1)
    }

    @Test func aCallCancelledByItsDeadlineIsAFailure() async throws {
        for byHand in [false, true] {
            let fixture = try Fixture(.fragile())
            let context = {
                var context = fixture.breaker.rootContext
                context.deadline = context.time.now.advanced(by: .seconds(1))
                return context
            }()
            @Sendable func call(taking length: Duration) async throws {
                if byHand {
                    let permit = try fixture.breaker.tryAcquirePermit(in: context)
                    fixture.clock.advance(by: length)
                    permit.fail(CancellationError())
                } else {
                    try? await fixture.breaker.execute(context) { _ in
                        fixture.clock.advance(by: length)
                        throw CancellationError()
                    }
                }
            }
            try await inCancelledTask {
                try await call(taking: .seconds(1) - .nanoseconds(1))
                #expect(fixture.state == .closed && fixture.breaker.totals.cancelled == 1)
                try await call(taking: .nanoseconds(1))
                #expect(fixture.state == .open)
            }
        }
    }

    private class Base: Error, @unchecked Sendable {}
    private final class Derived: Base, @unchecked Sendable {}
    private struct Wrapper: ErrorWrapper {
        let wrappedError: any Error
    }

    @Test("types match as `is` tells, and wrappers are looked through")
    func matching() throws {
        let types = Configuration(ignores: .only(Base.self, Wrong.self))
        let errors = Configuration(ignores: .errors { $0 is Base || $0 is Wrong })
        let custom = Configuration(ignores: .init { $0 is Base || $0 is Wrong })
        let both = Configuration(
            handles: .only(Base.self, InjectedFailure.self), ignores: .except(InjectedFailure.self))
        for conditions in [types, errors, custom, both].map(\.conditions) {
            for error in [Base(), Derived(), Wrong()] as [any Error] {
                #expect(conditions.judge(error, in: nil) == .ignored)
                #expect(conditions.judge(Wrapper(wrappedError: error), in: nil) == .ignored)
                #expect(conditions.judge(Wrapper(wrappedError: Wrapper(wrappedError: error)), in: nil) == .ignored)
            }
            #expect(conditions.judge(Wrapper(wrappedError: InjectedFailure()), in: nil) == .failure)
            #expect(conditions.judge(UnacceptedResult(), in: nil) == .failure)
            #expect(conditions.judge(Wrapper(wrappedError: Full()), in: nil) == .ignored)
        }
        let wrapped = Configuration(ignores: .only(Wrapper.self)).conditions
        #expect(wrapped.judge(Wrapper(wrappedError: InjectedFailure()), in: nil) == .ignored)
        let hint = CircuitBreaker.BreakLength.serverHint(upTo: .seconds(30), jitter: 0, otherwise: .fixed(.seconds(7)))
        let fixture = try Fixture(.init(trip: .consecutiveFailures(1), breakLength: hint))
        try fixture.breaker.tryAcquirePermit().fail(Wrapper(wrappedError: InjectedFailure(retryAfter: .seconds(20))))
        #expect(fixture.breaker.remainingBreak == .seconds(20))
    }

    @Test func aRejectionOfALayerInsideIsNeverTheServicesWhateverTheConditionsSay() async throws {
        for handles in [ErrorCondition.init { _ in true }, .all, .rejections, .only(Full.self), .none] {
            let fixture = try Fixture(configuration(handles: handles))
            await fail(fixture, Full())
            try fixture.breaker.tryAcquirePermit().fail(Full())
            #expect(fixture.breaker.counts.row == [2, 0, 0, 2, 0, 0])
        }
    }
}
