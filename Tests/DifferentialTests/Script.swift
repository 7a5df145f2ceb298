import ResilienceCore

/// What a random script draws, the same for the same seed.
final class Script: Sendable {
    private let generator: Lock<SplitMix64>

    init(seed: UInt64) {
        generator = Lock(SplitMix64(seed: seed))
    }

    func int(_ range: ClosedRange<Int>) -> Int {
        generator.withLock { Int.random(in: range, using: &$0) }
    }

    func isDrawn(percent: Int) -> Bool { int(1...100) <= percent }

    func pick<Element>(_ elements: [Element]) -> Element { elements[int(0...elements.count - 1)] }
}

struct Failure: Error, Equatable, CustomStringConvertible {
    let number: Int

    var description: String { "failure \(number)" }
}

struct Overload: OverloadError, RetryAfterProviding {
    let retryAfter: Duration? = .zero
}
