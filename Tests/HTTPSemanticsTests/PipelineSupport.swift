import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import Testing

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

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
    private let value: Lock<Value>

    init(_ value: Value) { self.value = Lock(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        value.withLock { value in body(&value) }
    }
}
