/// The numbers that several strategies of one kind share: what is measured at the same layer of every member of a
/// family.
///
/// A member is given ``metrics`` as an observer. What it measures goes into the same counters and buckets as what the
/// others measure, under one name; the numbers stay when a member goes.
package final class MeterPool: Sendable {
    fileprivate struct Place: Hashable {
        let name: String
        let family: ObjectIdentifier
        let kinds: [String]
    }

    /// What is measured at one layer of all members, the same for all metrics that measure it.
    package final class Subjects: Sendable {
        private let subjects = Lock<[Place: MeterSubject]>([:])

        package init() {}

        fileprivate func subject(_ place: Place) -> MeterSubject {
            subjects.withLock { subjects in
                if let present = subjects[place] { return present }
                let new = MeterSubject()
                subjects[place] = new
                return new
            }
        }
    }

    /// Whose numbers these are.
    package let root: CallMetrics

    private let subjects: Subjects

    private let meters = Lock<[Place: Meter]>([:])

    package init(for root: CallMetrics, of subjects: Subjects) {
        self.root = root
        self.subjects = subjects
    }

    /// What a member is observed by. The same pool can be given many.
    package var metrics: CallMetrics { CallMetrics(self) }

    /// The numbers of a place, known to ``root`` from now on.
    func meter(_ name: String, _ layout: MeterPoint.Layout) -> Meter {
        let place = Place(name: name, family: ObjectIdentifier(layout.durations.definition), kinds: layout.kinds)
        if let meter = meters.withLock({ $0[place] }) { return meter }
        // Made outside the lock, because its sinks are other people's.
        let new = Meter(root, subjects.subject(place), name, layout)
        let (meter, isNew) = meters.withLock { meters in
            if let present = meters[place] { return (present, false) }
            meters[place] = new
            return (new, true)
        }
        if isNew { root.add(meter) }
        return meter
    }

    deinit {
        for meter in meters.withLock({ $0.values }) { root.remove(meter) }
    }
}
