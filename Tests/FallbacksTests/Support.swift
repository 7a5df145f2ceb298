import ResilienceCore
import ResilienceTesting

@testable import Fallbacks

/// The error of a call in these tests.
struct Down: Error, Equatable {}

/// A layer's refusal.
struct Refused: PolicyRejection {
    var policyName: String { "test" }
    var reason: String { "full" }
    var retryAfter: Duration? { nil }
    var description: String { "full" }
}

/// Values in the order in which they came.
final class Log<Element: Sendable>: Sendable {
    private let state = Lock<[Element]>([])

    func append(_ element: Element) { state.withLock { $0.append(element) } }

    var elements: [Element] { state.withLock { $0 } }
}

/// A layer that runs the rest.
struct Through: Strategy {
    func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
        try await next(context)
    }
}

/// An object that tells when it is released.
final class Token: Sendable {
    private let onRelease: @Sendable () -> Void
    init(_ onRelease: @escaping @Sendable () -> Void) { self.onRelease = onRelease }
    deinit { onRelease() }
}
