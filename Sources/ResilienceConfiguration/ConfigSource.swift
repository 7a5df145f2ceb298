#if Configuration
    internal import Configuration
    internal import Resilience

    /// Makes a configuration document of what a reader holds.
    struct ConfigSource: Sendable {
        /// Policies that are not registered.
        let policies: [String]
        let isSecret: Bool

        /// A pattern, and where documents configure it.
        private struct Section: Sendable {
            /// Where those are that are registered for themselves.
            let name: String
            /// The key in policies, templates and defaults.
            let key: String
            let places: [Place]

            /// - Parameter documents: What there is of patterns whose keys are not known before, such as the numbers of
            ///   fallbacks, which stand under the names of their steps.
            init(_ section: DocumentSection, _ documents: [ConfigurationValue] = []) {
                name = section.name
                key = section.key
                if let outline = section.outline {
                    places = outline.places.map { Place(path: $0.path, forms: $0.forms) }
                } else {
                    var known: Set<[String]> = []
                    // In any form: whether a number is one that is missing cannot be seen in the document.
                    places = documents.flatMap(\.leaves).filter { known.insert($0).inserted }
                        .map { Place(path: $0, forms: []) }
                }
            }
        }

        private struct Place: Sendable {
            let path: [String]
            /// The forms in which values are taken there.
            let forms: Set<DocumentOutline.Form>
        }

        /// The sections whose keys are known.
        private static let sections = DocumentSection.all.filter { $0.outline != nil }.map { Section($0) }

        /// What the reader says about what the module holds.
        func configuration(
            of module: ResilienceModule, in snapshot: ConfigSnapshotReader
        ) -> ResilienceModule.Configuration {
            var document = DocumentTree()
            let names = module.namesBySection
            var sections = Self.sections
            for section in sections {
                read(section, at: ["defaults", section.key], snapshot, &document)
                for name in names[section.name] ?? [] { read(section, of: name, snapshot, &document) }
            }
            for section in DocumentSection.all where section.outline == nil {
                let present = documents(in: section, of: module)
                for (name, value) in present { read(Section(section, [value]), of: name, snapshot, &document) }
                sections.append(Section(section, present.map(\.document)))
            }
            for section in LayeredSection.all {
                for name in (names[section.name] ?? []) + (section.isOfPolicies ? policies : []) {
                    readLayers(Self.sections, at: [section.name, name], snapshot, &document)
                    for place in section.bounds?.places ?? [] {
                        read(place.forms, at: [section.name, name] + place.path, snapshot, &document)
                    }
                }
            }
            readTemplates(sections, snapshot, &document)
            return ResilienceModule.Configuration(document.value)
        }

        /// What is registered for itself by name, with what a document says of it that changes nothing.
        private func documents(
            in section: DocumentSection, of module: ResilienceModule
        ) -> [(name: String, document: ConfigurationValue)] {
            guard case .object(let documents) = module.effectiveConfiguration.document[section.name] else { return [] }
            return documents.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        }

        /// Something registered for itself.
        private func read(
            _ section: Section, of name: String, _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            read(section, at: [section.name, name], snapshot, &document)
            read(.list, at: [section.name, name, "inherits"], snapshot, &document)
        }

        /// The templates that something inherits from, and those that these inherit from.
        private func readTemplates(
            _ sections: [Section], _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            var known: Set<String> = []
            while case let new = document.texts(under: "inherits").subtracting(known), !new.isEmpty {
                for name in new { readLayers(sections, at: ["templates", name], snapshot, &document) }
                known.formUnion(new)
            }
        }

        /// A policy, or what has the form of one.
        private func readLayers(
            _ sections: [Section], at path: [String], _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            for key in ["inherits", "layers"] { read(.list, at: path + [key], snapshot, &document) }
            for section in sections { read(section, at: path + [section.key], snapshot, &document) }
        }

        private func read(
            _ section: Section, at path: [String], _ snapshot: ConfigSnapshotReader, _ document: inout DocumentTree
        ) {
            for place in section.places {
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
            // The forms that fit come first: a source of texts, such as the environment, can give most values in
            // several types.
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
