import ResilienceCore

/// Values in the order in which they were appended, from any task.
package final class Log<Element: Sendable>: Sendable {
    private let storage = Lock<[Element]>([])

    package init() {}

    package var elements: [Element] { storage.withLock { $0 } }
    package func append(_ element: Element) { storage.withLock { $0.append(element) } }
}
