#include "change/tuple.hpp"

namespace pulse {

result<tuple_view> tuple_view::parse(byte_view bytes) {
  const auto cut = [] {
    return error{errc::protocol, "a row ends before its last column",
                 "report this with PostgreSQL's version"};
  };
  if (bytes.size() < 2) return cut();
  const std::size_t columns = load_big<std::uint16_t>(bytes.data());
  std::size_t at = 2;
  for (std::size_t i = 0; i < columns; ++i) {
    if (at >= bytes.size()) return cut();
    const char kind = static_cast<char>(bytes[at]);
    switch (kind) {
      case 'n':
      case 'u':
        at += 1;
        break;
      case 't':
      case 'b': {
        if (bytes.size() - at < 5) return cut();
        const std::size_t size = load_big<std::uint32_t>(bytes.data() + at + 1);
        if (bytes.size() - at - 5 < size) return cut();
        at += 5 + size;
        break;
      }
      default:
        return error{errc::protocol,
                     "unknown column kind in a row (byte " +
                         std::to_string(static_cast<unsigned>(bytes[at])) + ")",
                     "report this with PostgreSQL's version"};
    }
  }
  return tuple_view(bytes.first(at));
}

}  // namespace pulse
