import ResilienceCore
import ResilienceTesting

@testable import Fallbacks

/// The error of a call in these tests.
struct Down: Error, Equatable {}

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
