#if Configuration
    internal import Configuration
    internal import Resilience

    /// Makes a configuration document of what a reader holds.
    struct ConfigSource: Sendable {
        /// Policies that are not registered.
        let policies: [String]
        let isSecret: Bool

        /// A pattern, and where documents configure it.
        private struct Form: Sendable {
            /// Where those are that are registered for themselves.
            let section: String
            /// The key in policies, templates and defaults.
            let key: String
            let places: [Place]

            init<Part: DocumentRepresentable>(_ section: String, _ type: Part.Type) {
                self.section = section
                key = Part.documentKey
                places = DocumentOutline(of: type).places.map { Place(path: $0.path, forms: $0.forms) }
            }

            /// The numbers of fallbacks, which stand under the names of their steps: those of the fallbacks that there
            /// are.
            init(fallbacks documents: [ConfigurationValue]) {
                section = "fallbacks"
                key = KeyedFallback<NoKey, Never>.Configuration.documentKey
                var paths: [[String]] = []
                var known: Set<[String]> = []
                for path in documents.flatMap(\.leaves) where known.insert(path).inserted { paths.append(path) }
                // In any form: whether a number is one that is missing cannot be seen in the document.
                places = paths.map { Place(path: $0, forms: []) }
            }
        }

        private struct Place: Sendable {
            let path: [String]
            /// The forms in which values are taken there.
            let forms: Set<DocumentOutline.Form>
        }

        private static let forms = [
            Form("timeouts", Timeout.Configuration.self), Form("retries", Retry.Configuration.self),
            Form("retryBudgets", RetryBudget.Configuration.self),
            Form("circuitBreakers", CircuitBreaker.Configuration.self),
            Form("bulkheads", Bulkhead.Configuration.self), Form("hedges", Hedge.Configuration.self),
            Form("rateLimiters", RateLimiter.Configuration.self),
            Form("keyedRateLimiters", RateLimiter.KeyedConfiguration.self),
            Form("adaptiveThrottles", AdaptiveThrottle.Configuration.self),
            Form("staleWhileRevalidates", StaleWhileRevalidateConfiguration.self),
        ]

        /// What the reader says about what the module holds.
        func configuration(
            of module: ResilienceModule, in snapshot: ConfigSnapshotReader
        ) -> ResilienceModule.Configuration {
            var document = DocumentTree()
            let names = module.namesBySection
            let fallbacks = fallbacks(of: module)
            for form in Self.forms {
                read(form, at: ["defaults", form.key], snapshot, &document)
                for name in names[form.section] ?? [] { read(form, of: name, snapshot, &document) }
            }
            for (name, steps) in fallbacks { read(Form(fallbacks: [steps]), of: name, snapshot, &document) }
            for section in ["policies", "families"] {
                for name in (names[section] ?? []) + (section == "policies" ? policies : []) {
                    readLayers(Self.forms, at: [section, name], snapshot, &document)
                }
            }
            readTemplates(Self.forms + [Form(fallbacks: fallbacks.map(\.document))], snapshot, &document)
            return ResilienceModule.Configuration(document.value)
        }

        /// The fallbacks by name, with what a document says of them that changes nothing.
        private func fallbacks(of module: ResilienceModule) -> [(name: String, document: ConfigurationValue)] {
            guard case .object(let documents) = module.effectiveConfiguration.document["fallbacks"] else { return [] }
            return documents.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }

        /// Something registered for itself.
        private func read(
            _ form: Form, of name: String, _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            read(form, at: [form.section, name], snapshot, &document)
            read(.list, at: [form.section, name, "inherits"], snapshot, &document)
        }

        /// The templates that something inherits from, and those that these inherit from.
        private func readTemplates(
            _ forms: [Form], _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            var known: Set<String> = []
            while case let new = document.texts(under: "inherits").subtracting(known), !new.isEmpty {
                for name in new { readLayers(forms, at: ["templates", name], snapshot, &document) }
                known.formUnion(new)
            }
        }

        /// A policy, or what has the form of one.
        private func readLayers(
            _ forms: [Form], at path: [String], _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            for key in ["inherits", "layers"] { read(.list, at: path + [key], snapshot, &document) }
            for form in forms { read(form, at: path + [form.key], snapshot, &document) }
        }

        private func read(
            _ form: Form, at path: [String], _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            for place in form.places {
                read(place.forms, at: path + place.path, snapshot, &document)
            }
        }

        private func read(
            _ form: DocumentOutline.Form, at path: [String], _ snapshot: ConfigSnapshotReader,
            _ document: inout DocumentTree
        ) {
            read([form], at: path, snapshot, &document)
        }

        private func read(
            _ forms: Set<DocumentOutline.Form>, at path: [String], _ snapshot: ConfigSnapshotReader,
            _ document: inout DocumentTree
        ) {
            if let value = value(at: ConfigKey(path), forms, snapshot) { document.insert(value, at: path) }
        }

        /// The value of a key, whichever its type: one that does not fit is to be a fault and not to be overlooked.
        private func value(
            at key: ConfigKey, _ forms: Set<DocumentOutline.Form>, _ snapshot: ConfigSnapshotReader
        ) -> ConfigurationValue? {
            // Those that fit first: a source of texts, such as the environment, can give most values in several types.
            let order = Self.order.filter { forms.contains($0) } + Self.order.filter { !forms.contains($0) }
            for form in order {
                if let value = value(at: key, as: form, snapshot) { return value }
            }
            return nil
        }

        private static let order: [DocumentOutline.Form] = [.integer, .number, .boolean, .text, .list]

        private func value(
            at key: ConfigKey, as form: DocumentOutline.Form, _ snapshot: ConfigSnapshotReader
        ) -> ConfigurationValue? {
            switch form {
            case .integer: snapshot.int(forKey: key, isSecret: isSecret).map { .integer($0) }
            case .number: snapshot.double(forKey: key, isSecret: isSecret).map { .number($0) }
            case .boolean: snapshot.bool(forKey: key, isSecret: isSecret).map { .boolean($0) }
            case .text:
                snapshot.string(forKey: key, isSecret: isSecret).map { $0 == "null" ? .null : .string($0) }
            case .list: list(at: key, snapshot)
            }
        }

        private func list(at key: ConfigKey, _ snapshot: ConfigSnapshotReader) -> ConfigurationValue? {
            if let texts = snapshot.stringArray(forKey: key, isSecret: isSecret) {
                return .array(texts.map { .string($0) })
            }
            if let numbers = snapshot.intArray(forKey: key, isSecret: isSecret) {
                return .array(numbers.map { .integer($0) })
            }
            return snapshot.doubleArray(forKey: key, isSecret: isSecret).map { .array($0.map { .number($0) }) }
        }
    }

    extension ConfigurationValue {
        /// The paths to all values that are no objects.
        fileprivate var leaves: [[String]] {
            guard case .object(let values) = self else { return [[]] }
            return values.sorted { $0.key < $1.key }.flatMap { key, value in value.leaves.map { [key] + $0 } }
        }
    }
#endif
