import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@Suite("How a call ended")
struct CallEndTests {
    private struct Wrapper: ErrorWrapper { let wrappedError: any Error }
    private final class Endless: ErrorWrapper { var wrappedError: any Error { self } }
    private class Base: Error, @unchecked Sendable {}
    private final class Derived: Base, @unchecked Sendable {}

    @Test("an error is the caller's doing only if its task is cancelled", arguments: [true, false])
    func callers(isCancelled: Bool) async throws {
        for error in [CancellationError(), InjectedFailure("pool closed")] as [any Error] {
            if isCancelled {
                #expect(try await inCancelledTask { CallEnd(error) } == .cancelled)
            } else {
                #expect(CallEnd(error) == .failed)
            }
        }
    }

    @Test("what is cancelled past its deadline has failed; at the deadline it is past, a nanosecond before it is not")
    func expired() async throws {
        let clock = ManualClock()
        var context = Context(name: "p", time: TimeSource(clock))
        context.deadline = context.time.now.advanced(by: .nanoseconds(2))
        for expected in [CallEnd.cancelled, .expired, .expired] {
            clock.advance(by: .nanoseconds(1))
            let context = context
            #expect(try await inCancelledTask { CallEnd(CancellationError(), in: context) } == expected)
        }
        #expect(CallEnd(CancellationError(), in: context) == .failed)
    }

    @Test("without a context the deadline is that of the call around the task, for as long as that runs")
    func around() async {
        let time = TimeSource(ManualClock())
        for (rest, isOver, expected) in [(0, false, CallEnd.expired), (1, false, .cancelled), (0, true, .cancelled)] {
            let limit = CallLimit(time.now.advanced(by: .nanoseconds(rest)), on: time)
            if isOver { limit.end() }
            let task = limit.around {
                Task { () -> CallEnd in
                    withUnsafeCurrentTask { $0?.cancel() }
                    return CallEnd(CancellationError())
                }
            }
            #expect(await task.value == expected, "\(rest) ns left, over: \(isOver)")
        }
    }

    @Test("a rejection stays one, wrapped, cancelled and past the deadline")
    func rejected() async throws {
        var context = Context(name: "p", time: TimeSource(ManualClock()))
        context.deadline = context.time.now
        let late = context
        for error in [
            Refused(), Wrapper(wrappedError: Refused()), Wrapper(wrappedError: Wrapper(wrappedError: Refused())),
        ]
            as [any Error]
        {
            #expect(CallEnd(error) == .rejected && CallEnd(error, in: late) == .rejected)
            #expect(try await inCancelledTask { CallEnd(error, in: late) } == .rejected)
        }
        #expect(CallEnd(Wrapper(wrappedError: InjectedFailure("x"))) == .failed)
        #expect(CallEnd(Endless()) == .failed)
    }

    @Test("a service is to blame if it failed or did not answer in time, and for nothing else")
    func failures() {
        let ends: [(CallEnd, Bool)] = [(.failed, true), (.expired, true), (.rejected, false), (.cancelled, false)]
        for (end, isFailure) in ends { #expect(end.isFailure == isFailure, "\(end)") }
    }

    @Test("errors are looked through up to 32 deep, and one that is its own content ends")
    func depth() {
        func wrapped(_ error: any Error, _ depth: Int) -> any Error {
            (0..<depth).reduce(error) { error, _ in Wrapper(wrappedError: error) }
        }
        for depth in 0...40 {
            #expect((unwrapped(wrapped(Refused(), depth)) is Refused) == (depth <= 32), "\(depth)")
            #expect((CallEnd(wrapped(Refused(), depth)) == .rejected) == (depth <= 32), "\(depth)")
            #expect((unacceptedResult(in: wrapped(UnacceptedResultError(), depth)) != nil) == (depth < 32), "\(depth)")
        }
        #expect(unacceptedResult(in: Endless()) == nil && unacceptedResult(in: Refused()) == nil)
    }

    @Test("types match as `is` does, and through wrappers")
    func types() {
        #expect(isAny(Derived(), of: [Base.self]) && !isAny(Base(), of: [Derived.self]))
        #expect(isAny(Wrapper(wrappedError: Derived()), of: [Base.self]))
        #expect(isAny(Wrapper(wrappedError: Derived()), of: [Wrapper.self]))
        #expect(!isAny(Wrapper(wrappedError: Derived()), of: [InjectedFailure.self]) && !isAny(Base(), of: []))
    }

    @Test("an execution names the rejection inside of wrappers, with a fallback and without")
    func executions() async throws {
        let strategy = NoStrategy()
        for error in [Refused(), Wrapper(wrappedError: Wrapper(wrappedError: Refused()))] as [any Error] {
            #expect(await strategy.run { throw error }.rejection is Refused)
            #expect(await strategy.run({ throw error }, fallback: { _ in }).rejection is Refused)
        }
        #expect(await strategy.run { throw Wrapper(wrappedError: InjectedFailure()) }.rejection == nil)
    }
}
