internal import ResilienceCore

/// An observer that is a value, as an object: objects are recognised where they hear already.
final class ObserverBox: PolicyObserver {
    let observer: any PolicyObserver

    private init(_ observer: any PolicyObserver) {
        self.observer = observer
    }

    func observe(_ event: some PolicyEvent) { observer.observe(event) }

    /// The observer, if it is an object; otherwise one that passes on what it hears.
    static func boxed(_ observer: any PolicyObserver) -> any PolicyObserver {
        type(of: observer) is AnyClass ? observer : ObserverBox(observer)
    }

    /// What was put into a box.
    static func unboxed(_ observer: any PolicyObserver) -> any PolicyObserver {
        (observer as? ObserverBox)?.observer ?? observer
    }
}
