import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization

@testable import HTTPSemantics

/// What a server of a test answers.
struct Answer: Sendable, Equatable {
    var status = 200
    var fields: [String: String] = [:]

    static func busy(_ retryAfter: String, _ status: Int = 503) -> Answer {
        Answer(status: status, fields: ["retry-after": retryAfter])
    }

    static let ok = Answer()
}

let head = { @Sendable (answer: Answer) in
    HTTPPipeline.Head(status: answer.status) { name in answer.fields[name].map { [$0] } ?? [] }
}

/// Answers in turn, the last again and again, and counts.
final class Server: Sendable {
    private let answers: [Result<Answer, any Error>]
    private let count = Atomic(0)

    init(_ answers: Result<Answer, any Error>...) { self.answers = answers }

    var calls: Int { count.load(ordering: .relaxed) }

    func answer() throws -> Answer {
        let index = count.wrappingAdd(1, ordering: .relaxed).oldValue
        return try answers[min(index, answers.count - 1)].get()
    }
}

/// A client's error that says how far its request came.
struct ClientError: Error, Equatable { var outcome: HTTPSendOutcome }

let outcomeOf = { @Sendable (error: any Error) in (error as? ClientError)?.outcome ?? .perhapsRan }

/// Runs a call, moving the clock whenever it sleeps; what it came to, and for how long it slept each time.
func driven<Value: Sendable>(
    _ clock: ManualClock, _ call: @escaping @Sendable () async throws -> Value
) async -> (result: Result<Value, any Error>, slept: [Duration]) {
    let isOver = Shared<(Bool, Task<Void, any Error>?)>((false, nil))
    let task = Task { () -> Result<Value, any Error> in
        var result: Result<Value, any Error>
        do { result = .success(try await call()) } catch { result = .failure(error) }
        isOver.withLock {
            $0.0 = true
            return $0.1
        }?.cancel()
        return result
    }
    var slept: [Duration] = []
    while true {
        let waiter = Task { try await clock.waitForSleepers(1) }
        let wasOver = isOver.withLock {
            $0.1 = waiter
            return $0.0
        }
        if wasOver { waiter.cancel() }
        let isAsleep = (try? await waiter.value) != nil
        let before = clock.now
        guard isAsleep, !isOver.withLock({ $0.0 }), let next = clock.advanceToNextDeadline() else { break }
        slept.append(before.duration(to: next))
    }
    return (await task.value, slept)
}

extension Result {
    var error: Failure? { if case .failure(let error) = self { error } else { nil } }
}

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in body(&value) }
    }
}
