#if Configuration
    internal import ResilienceCore

    /// A configuration document in the making.
    struct DocumentTree {
        private indirect enum Node {
            case value(ConfigurationValue)
            case object([String: Node])

            var value: ConfigurationValue {
                switch self {
                case .value(let value): value
                case .object(let nodes): .object(nodes.mapValues(\.value))
                }
            }

            mutating func insert(_ value: ConfigurationValue, at path: ArraySlice<String>) {
                guard let key = path.first else {
                    self = .value(value)
                    return
                }
                var nodes: [String: Node] = [:]
                switch self {
                case .object(let present): nodes = present
                // A value, and keys inside it: there can be only one of the two. The value becomes that of a key which
                // no configuration has, so that it is reported with its place.
                case .value(let value): nodes[Self.beside] = .value(value)
                }
                nodes[key, default: .object([:])].insert(value, at: path.dropFirst())
                self = .object(nodes)
            }

            private static let beside = "(value beside other keys)"

            func addTexts(under key: String, to texts: inout Set<String>) {
                guard case .object(let nodes) = self else { return }
                for (name, node) in nodes {
                    guard name == key, case .value(let value) = node else {
                        node.addTexts(under: key, to: &texts)
                        continue
                    }
                    switch value {
                    case .string(let text): texts.insert(text)
                    case .array(let values):
                        for case .string(let text) in values { texts.insert(text) }
                    default: break
                    }
                }
            }
        }

        private var root = Node.object([:])

        /// The document.
        var value: ConfigurationValue { root.value }

        /// Puts a value in its place; paths are to come from the outside in.
        mutating func insert(_ value: ConfigurationValue, at path: [String]) {
            root.insert(value, at: path[...])
        }

        /// The texts that stand under a key, wherever it is, alone or in a list.
        func texts(under key: String) -> Set<String> {
            var texts: Set<String> = []
            root.addTexts(under: key, to: &texts)
            return texts
        }
    }
#endif
