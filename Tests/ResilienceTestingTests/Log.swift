import ResilienceCore

/// A list that several tasks append to.
final class Log<Element: Sendable>: Sendable {
    private let state = Lock<[Element]>([])

    func append(_ element: Element) { state.withLock { $0.append(element) } }

    var elements: [Element] { state.withLock { $0 } }
}
