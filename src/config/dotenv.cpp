#include "config/dotenv.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

namespace pulse::config {
namespace {

// A name may stand for one that stands for it.
constexpr int depth_max = 10;

struct entry {
  std::string text;
  bool literal = false;  // in single quotes
};
using entries = std::map<std::string, entry, std::less<>>;

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::string with_line_ends(std::string_view quoted) {
  std::string text;
  for (std::size_t at = 0; at < quoted.size(); ++at) {
    if (quoted.substr(at, 2) == "\\n") {
      text += '\n';
      ++at;
    } else {
      text += quoted[at];
    }
  }
  return text;
}

// Takes the value that `rest` begins with, and what is behind it on its line. One in quotes may go
// on over lines.
entry take_value(std::string_view& rest) {
  const auto begin = rest.find_first_not_of(" \t");
  rest.remove_prefix(begin == std::string_view::npos ? rest.size() : begin);
  const auto line_end = [&](std::size_t from) {
    const auto end = rest.find('\n', from);
    return end == std::string_view::npos ? rest.size() : end;
  };
  const char quote = rest.empty() ? '\0' : rest.front();
  if (quote == '"' || quote == '\'' || quote == '`') {
    if (const auto close = rest.find(quote, 1); close != std::string_view::npos) {
      const auto inner = rest.substr(1, close - 1);
      entry found{quote == '"' ? with_line_ends(inner) : std::string(inner), quote == '\''};
      rest.remove_prefix(line_end(close));
      return found;
    }
  }
  const auto line = rest.substr(0, line_end(0));
  rest.remove_prefix(line.size());
  return {std::string(trimmed(line.substr(0, line.find('#')))), false};
}

entries read(std::string_view text) {
  entries found;
  while (!text.empty()) {
    auto end = text.find('\n');
    if (end == std::string_view::npos) end = text.size();
    auto line = trimmed(text.substr(0, end));
    const auto equals = text.substr(0, end).find('=');
    if (line.empty() || line.front() == '#' || equals == std::string_view::npos) {
      text.remove_prefix(std::min(end + 1, text.size()));
      continue;
    }
    auto name = trimmed(text.substr(0, equals));
    constexpr std::string_view keyword = "export ";
    if (name.starts_with(keyword)) name = trimmed(name.substr(keyword.size()));
    text.remove_prefix(equals + 1);
    found.insert_or_assign(std::string(name), take_value(text));
    text.remove_prefix(text.empty() ? 0 : 1);
  }
  return found;
}

class expansion {
 public:
  expansion(const entries& all,
            const std::function<std::optional<std::string>(const std::string&)>& outside)
      : all_(&all), outside_(&outside) {}

  std::string of(const entry& one, int depth) const {
    if (one.literal || depth > depth_max) return one.text;
    std::string text;
    std::string_view rest = one.text;
    while (!rest.empty()) {
      if (rest.starts_with("\\$")) {
        text += '$';
        rest.remove_prefix(2);
      } else if (const auto name = name_in(rest); rest.front() == '$' && !name.empty()) {
        text += value_of(std::string(name), depth);
        rest.remove_prefix(name.size() + (rest[1] == '{' ? 3 : 1));
      } else {
        text += rest.front();
        rest.remove_prefix(1);
      }
    }
    return text;
  }

 private:
  // Of "$NAME…" and "${NAME}…".
  static std::string_view name_in(std::string_view rest) {
    rest.remove_prefix(1);
    const bool braces = rest.starts_with('{');
    if (braces) rest.remove_prefix(1);
    std::size_t size = 0;
    while (size < rest.size() && is_name(rest[size])) ++size;
    if (braces && !rest.substr(size).starts_with('}')) return {};
    return rest.substr(0, size);
  }
  std::string value_of(const std::string& name, int depth) const {
    if (const auto outer = (*outside_)(name)) return *outer;
    const auto found = all_->find(name);
    return found == all_->end() ? std::string() : of(found->second, depth + 1);
  }

  const entries* all_;
  const std::function<std::optional<std::string>(const std::string&)>* outside_;
};

}  // namespace

std::optional<std::string> dotenv_value(
    std::string_view text, std::string_view name,
    const std::function<std::optional<std::string>(const std::string&)>& outside) {
  const auto all = read(text);
  const auto found = all.find(name);
  if (found == all.end()) return std::nullopt;
  return expansion(all, outside).of(found->second, 0);
}

std::string dotenv_path() {
  // In a folder that is gone there is no such file either.
  std::error_code failure;
  return (std::filesystem::current_path(failure) / ".env").string();
}

std::optional<std::string> value_in_dotenv(
    std::string_view name,
    const std::function<std::optional<std::string>(const std::string&)>& outside) {
  std::ifstream file(dotenv_path());
  if (!file) return std::nullopt;
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  auto value = dotenv_value(text, name, outside);
  return value && value->empty() ? std::nullopt : value;
}

}  // namespace pulse::config
