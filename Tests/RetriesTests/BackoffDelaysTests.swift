import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

/// The delays of what is repeated without a call.
@Suite("Backoff without a call", .timeLimit(.minutes(30)))
struct BackoffDelaysTests {
    private func delays(_ backoff: Backoff, cap: Duration = .seconds(5)) -> BackoffDelays {
        BackoffDelays(backoff, cap: cap, random: .constant(0.5))
    }

    @Test("delays grow from failure to failure, up to the longest, and begin again after a success")
    func growth() {
        let expected: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5)]
        var exponential = delays(.exponential(from: .seconds(1), jitter: .none))
        for _ in 0..<3 {
            #expect((0..<5).map { _ in exponential.next(after: InjectedFailure()) } == expected)
            exponential.reset()
        }
    }

    @Test("the jitter of a step depends on the one before, and begins again too")
    func jitter() {
        var decorrelated = delays(.constant(.seconds(1), jitter: .decorrelated), cap: .seconds(1_000))
        let first = (0..<3).map { _ in decorrelated.next(after: InjectedFailure()) }
        decorrelated.reset()
        #expect((0..<3).map { _ in decorrelated.next(after: InjectedFailure()) } == first)
        #expect(first[0] < first[1] && first[1] < first[2])
    }

    @Test("a function is told the error, the number and the delay before, all from the start after a success")
    func failure() {
        let log = Lock<[String]>([])
        var custom = delays(
            .custom { failure in
                log.withLock {
                    let before = failure.previousDelay.map { "\($0)" } ?? "none"
                    $0.append("\(failure.error) \(failure.attempt) \(failure.step) \(before)")
                }
                return .seconds(failure.attempt)
            })
        _ = custom.next(after: InjectedFailure("a"))
        _ = custom.next(after: InjectedFailure("b"))
        custom.reset()
        _ = custom.next(after: InjectedFailure("c"))
        let (a, b, c) = (InjectedFailure("a"), InjectedFailure("b"), InjectedFailure("c"))
        #expect(log.withLock { $0 } == ["\(a) 1 1 none", "\(b) 2 2 1.0 seconds", "\(c) 1 1 none"])
    }

    @Test("it never gives up: where the backoff would, or throws, the longest delay is waited for")
    func givesUp() {
        var none = delays(.custom { _ in nil })
        #expect(none.next(after: InjectedFailure()) == .seconds(5))
        var throwing = delays(.custom { throw $0.error })
        #expect(throwing.next(after: InjectedFailure()) == .seconds(5))
    }

    @Test("the number of failures ends at a thousand, however long a service is away")
    func long() {
        let last = Lock(0)
        var custom = delays(
            .custom { failure in
                last.withLock { $0 = failure.attempt }
                return .zero
            })
        for _ in 0..<999 { _ = custom.next(after: InjectedFailure()) }
        #expect(last.withLock { $0 } == 999)
        for _ in 0..<3 { _ = custom.next(after: InjectedFailure()) }
        #expect(last.withLock { $0 } == 1_000)
    }

    @Test("what is wrong with it is found")
    func validation() {
        var check = ConfigurationCheck()
        Backoff.constant(.seconds(-1)).check(&check)
        #expect(throws: ConfigurationError.self) { try check.finish() }
    }
}
