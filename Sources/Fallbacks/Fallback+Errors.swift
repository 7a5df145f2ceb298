public import ResilienceCore

/// The error of a call for which every step of its fallback failed, where the configuration asks for it.
///
/// It stands for that error: conditions further out see the error inside.
public struct FallbackExhaustedError: ErrorWrapper, RetryAfterProviding, Sendable, CustomStringConvertible {
    /// The name of the fallback.
    public let policyName: String
    /// The error of the call.
    public let wrappedError: any Error
    /// What became of the steps, in order.
    public let steps: [FallbackStepEnd]

    /// When to try again, if the error of the call knows.
    public var retryAfter: Duration? { wrappedError.retryHint }

    /// `fallback "quotes" is exhausted (step "replica" failed: refused): the gateway timed out`
    public var description: String {
        let steps = steps.map(\.description).joined(separator: ", ")
        return "fallback \"\(policyName)\" is exhausted (\(steps)): \(wrappedError)"
    }
}

extension Error {
    /// When to try again, if this error or the one that it wraps knows.
    var retryHint: Duration? {
        (self as? any RetryAfterProviding)?.retryAfter ?? (unwrapped(self) as? any RetryAfterProviding)?.retryAfter
    }
}

/// What became of a step that did not answer.
public struct FallbackStepEnd: Sendable, CustomStringConvertible {
    /// The step's name.
    public let step: String
    /// Why it did not answer.
    public let reason: FallbackReason

    /// `step "replica" failed: connection refused`
    public var description: String { "step \"\(step)\" \(reason)" }
}

/// Why a step did not answer.
public enum FallbackReason: Sendable, CustomStringConvertible {
    /// Its action threw an error.
    case failed(any Error)
    /// Its action had not ended at its time limit, and then threw an error.
    case timedOut(limit: Duration, underlying: any Error)
    /// As many calls ran in it as may.
    case full(limit: Int)
    /// Its condition does not hold for the error of the call.
    case notForThisError
    /// There is no last good value.
    case nothingKept
    /// The last good value is too old.
    case tooOld(age: Duration, maxAge: Duration)
    /// The deadline of the call has passed.
    case noTime

    /// The end of a sentence.
    public var description: String {
        switch self {
        case .failed(let error): "failed: \(error)"
        case .timedOut(let limit, let error): "did not end within \(limit.sentenceForm): \(error)"
        case .full(let limit): "is full with \(limit) call\(limit == 1 ? "" : "s")"
        case .notForThisError: "is not for this error"
        case .nothingKept: "has no value"
        case .tooOld(let age, let maxAge):
            "has a value that is \(age.sentenceForm) old, more than \(maxAge.sentenceForm)"
        case .noTime: "was not begun because the deadline has passed"
        }
    }
}

/// The step that answered a call.
public struct FallbackServed: Sendable, Hashable, CustomStringConvertible {
    /// The name of the fallback.
    public let fallback: String
    /// The name of the step.
    public let step: String
    /// How old the value is, if it is a last good one or was kept by a ``StaleWhileRevalidate``.
    public let age: Duration?

    /// `fallback "quotes" answered by step "last good", 3 seconds old`
    public var description: String {
        let age = age.map { ", \($0.sentenceForm) old" } ?? ""
        return "fallback \"\(fallback)\" answered by step \"\(step)\"\(age)"
    }

    /// The key under which fallbacks report to an `Execution`.
    package enum Report: TracedReport {
        package typealias Value = FallbackServed

        package static func callEvent(_ served: FallbackServed) -> CallEvent? {
            CallEvent("fallback.served", source: served.fallback) { details in
                details.add("step", served.step)
                details.add(seconds: "age", served.age)
            }
        }
    }
}

extension Execution {
    /// The step of a fallback that answered the call; `nil` if the operation did, or nothing.
    public var servedBy: FallbackServed? { self[FallbackServed.Report.self].last }
}
