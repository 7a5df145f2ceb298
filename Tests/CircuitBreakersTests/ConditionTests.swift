import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// Which errors count as failures.
@Suite(.timeLimit(.minutes(30)))
struct ConditionTests {
    private struct Wrong: Error {}
    private func fail(_ stage: Stage, _ error: some Error & Sendable, times: Int = 1) async {
        for _ in 0..<times {
            await #expect(throws: type(of: error)) { try await stage.breaker.execute { throw error } }
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
        let stage = try Stage(configuration())
        await #expect(throws: InjectedFailure("panic")) {
            try await stage.breaker.execute { throw InjectedFailure("panic") }
        }
        #expect(stage.breaker.counts.row == [1, 0, 1, 0, 0, 1])
    }

    @Test("GB-22: every error may be a success")
    func everyErrorIsASuccess() async throws {
        let stage = try Stage(configuration(handles: .none))
        await fail(stage, InjectedFailure(), times: 5)
        #expect(stage.state == .closed && stage.breaker.counts.row == [5, 5, 0, 0, 5, 0])
    }

    @Test("GB-23: one error is ignored, others are failures")
    func oneIgnored() async throws {
        let stage = try Stage(configuration(ignores: .only(Wrong.self)))
        await fail(stage, Wrong(), times: 3)
        #expect(stage.breaker.counts.row == [3, 0, 0, 3, 0, 0])
        for _ in 1...3 { try await stage.breaker.execute {} }
        #expect(stage.breaker.counts.row == [6, 3, 0, 3, 3, 0])
        await fail(stage, InjectedFailure(), times: 2)
        #expect(stage.breaker.counts.row == [8, 3, 2, 3, 0, 2])
    }

    @Test("FS-23: an error of a layer inside opens the breaker")
    func errorOfAnInnerLayer() async throws {
        let stage = try Stage(.fragile())
        await fail(stage, InjectedFailure("limit of 50 ms reached"))
        #expect(stage.state == .open)
    }

    @Test("a rejection of a layer inside is ignored")
    func innerRejection() async throws {
        let stage = try Stage(.fragile())
        await fail(stage, Refused())
        #expect(stage.state == .closed && stage.breaker.counts.ignored == 1)
        let inner = try Stage(.fragile())
        inner.breaker.isolate()
        await #expect(throws: OpenError.self) {
            try await stage.breaker.execute { try await inner.breaker.execute {} }
        }
        #expect(stage.state == .closed && stage.breaker.counts.ignored == 2)
    }

    @Test("a value that is not accepted is a failure")
    func unaccepted() async throws {
        let conditions: [(handles: ErrorCondition, ignores: ErrorCondition)] = [
            (.all, .none), (.errors { _ in false }, .none), (.all, .errors { _ in true }), (.all, .only(Wrong.self)),
            (.all, .all), (.only(Wrong.self), .except(Wrong.self)),
        ]
        for condition in conditions {
            var configuration = Configuration.fragile()
            (configuration.handles, configuration.ignores) = condition
            let stage = try Stage(configuration)
            let status = try await stage.breaker.execute(accepting: { $0 < 500 }) { 503 }
            #expect(status == 503 && stage.state == .open)
        }
    }

    @Test("an error that a predicate ignores is no failure")
    func predicate() async throws {
        let stage = try Stage(configuration(ignores: .errors { ($0 as? InjectedFailure)?.label != "server" }))
        await fail(stage, InjectedFailure("client"))
        await fail(stage, InjectedFailure("server"))
        await fail(stage, Refused())
        #expect(stage.breaker.counts.row == [3, 0, 1, 2, 0, 1])
    }

    @Test("cancellation is neither a failure nor a success, whatever the conditions say")
    func cancellation() async throws {
        for script in ["closed", "half-open"] {
            var configuration = Configuration.fragile()
            configuration.handles = .init { _ in true }
            let stage = try Stage(configuration)
            if script == "half-open" {
                stage.breaker.open()
                try stage.breaker.halfOpen()
            }
            let before = stage.state
            try await inCancelledTask {
                await fail(stage, CancellationError())
                await fail(stage, InjectedFailure("because of the cancellation"))
            }
            #expect(stage.state == before && stage.breaker.counts == Counts())
            #expect(stage.breaker.totals.cancelled == 2 && stage.breaker.totals.calls == 2)
            #expect(stage.admits())
        }
    }

    @Test("a cancellation that is not the caller's is a failure")
    func strayCancellation() async throws {
        let stage = try Stage(.fragile())
        await fail(stage, CancellationError())
        #expect(stage.state == .open)
        stage.clock.advance(by: .seconds(10))
        await fail(stage, CancellationError())
        #expect(stage.path == [.open, .halfOpen, .open], "a probe gets its verdict")
        stage.clock.advance(by: .seconds(10))
        try stage.breaker.tryAcquirePermit().fail(CancellationError())
        #expect(stage.path == [.open, .halfOpen, .open, .halfOpen, .open])
    }

    @Test("a cancelled task that succeeds is a success")
    func cancelledSuccess() async throws {
        let stage = try Stage(.sixInARow)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await stage.breaker.execute { 7 }
        }
        #expect(try await task.value == 7)
        #expect(stage.breaker.counts.successes == 1)
    }

    @Test("a call cancelled by its deadline is a failure")
    func deadline() async throws {
        for byHand in [false, true] {
            let stage = try Stage(.fragile())
            let context = {
                var context = stage.breaker.rootContext
                context.deadline = context.time.now.advanced(by: .seconds(1))
                return context
            }()
            @Sendable func call(taking length: Duration) async throws {
                if byHand {
                    let permit = try stage.breaker.tryAcquirePermit(in: context)
                    stage.clock.advance(by: length)
                    permit.fail(CancellationError())
                } else {
                    try? await stage.breaker.execute(context) { _ in
                        stage.clock.advance(by: length)
                        throw CancellationError()
                    }
                }
            }
            try await inCancelledTask {
                try await call(taking: .seconds(1) - .nanoseconds(1))
                #expect(stage.state == .closed && stage.breaker.totals.cancelled == 1)
                try await call(taking: .nanoseconds(1))
                #expect(stage.state == .open)
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
            #expect(conditions.judge(UnacceptedResultError(), in: nil) == .failure)
            #expect(conditions.judge(Wrapper(wrappedError: Refused()), in: nil) == .ignored)
        }
        let wrapped = Configuration(ignores: .only(Wrapper.self)).conditions
        #expect(wrapped.judge(Wrapper(wrappedError: InjectedFailure()), in: nil) == .ignored)
        let hint = CircuitBreaker.BreakLength.serverHint(
            upTo: .seconds(30), hintJitter: 0, otherwise: .fixed(.seconds(7)))
        let stage = try Stage(.init(trip: .consecutiveFailures(1), breakLength: hint))
        try stage.breaker.tryAcquirePermit().fail(Wrapper(wrappedError: InjectedFailure(retryAfter: .seconds(20))))
        #expect(stage.breaker.remainingBreak == .seconds(20))
    }

    @Test("a rejection of a layer inside is never the service's, whatever the conditions say")
    func anyConditions() async throws {
        for handles in [ErrorCondition.init { _ in true }, .all, .rejections, .only(Refused.self), .none] {
            let stage = try Stage(configuration(handles: handles))
            await fail(stage, Refused())
            try stage.breaker.tryAcquirePermit().fail(Refused())
            #expect(stage.breaker.counts.row == [2, 0, 0, 2, 0, 0])
        }
    }
}
