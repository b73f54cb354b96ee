#include "values/json_tree.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include <boost/json/basic_parser_impl.hpp>

#include "base/bytes.hpp"
#include "values/json_text.hpp"
#include "values/number_key.hpp"

namespace pulse::values {
namespace {

namespace json = boost::json;

// Puts values together as the parser meets them.
class builder {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();
  using failure = json::error_code;

  bool on_document_begin(failure&) { return true; }
  bool on_document_end(failure&) { return true; }
  bool on_object_begin(failure&) { return begin(json_tree::kind::object); }
  bool on_object_end(std::size_t, failure&) {
    sort_members(open_.back());
    return end();
  }
  bool on_array_begin(failure&) { return begin(json_tree::kind::array); }
  bool on_array_end(std::size_t, failure&) { return end(); }
  bool on_key_part(std::string_view part, std::size_t, failure&) { return add(part); }
  bool on_key(std::string_view part, std::size_t, failure&) {
    add(part);
    open_.back().names.push_back(std::exchange(text_, {}));
    return true;
  }
  bool on_string_part(std::string_view part, std::size_t, failure&) { return add(part); }
  bool on_string(std::string_view part, std::size_t, failure&) {
    add(part);
    return put_text(json_tree::kind::string);
  }
  bool on_number_part(std::string_view part, failure&) { return add(part); }
  bool on_int64(std::int64_t, std::string_view part, failure&) { return number(part); }
  bool on_uint64(std::uint64_t, std::string_view part, failure&) { return number(part); }
  bool on_double(double, std::string_view part, failure&) { return number(part); }
  bool on_bool(bool value, failure&) {
    json_tree made;
    made.is = json_tree::kind::boolean;
    made.truth = value;
    return put(std::move(made));
  }
  bool on_null(failure&) { return put({}); }
  bool on_comment_part(std::string_view, failure&) { return true; }
  bool on_comment(std::string_view, failure&) { return true; }

  json_tree take() { return std::move(done_); }

 private:
  bool add(std::string_view part) {
    text_ += part;
    return true;
  }
  bool number(std::string_view part) {
    add(part);
    return put_text(json_tree::kind::number);
  }
  bool put_text(json_tree::kind is) {
    json_tree made;
    made.is = is;
    made.text = std::exchange(text_, {});
    return put(std::move(made));
  }
  bool begin(json_tree::kind is) {
    open_.emplace_back().is = is;
    return true;
  }
  bool end() {
    auto made = std::move(open_.back());
    open_.pop_back();
    return put(std::move(made));
  }
  bool put(json_tree made) {
    (open_.empty() ? done_ : open_.back().elements.emplace_back()) = std::move(made);
    return true;
  }

  // By name; of those with the same name the last stays.
  static void sort_members(json_tree& object) {
    std::map<std::string, json_tree> members;
    for (std::size_t i = 0; i < object.names.size(); ++i)
      members.insert_or_assign(std::move(object.names[i]), std::move(object.elements[i]));
    object.names.clear();
    object.elements.clear();
    for (auto& [name, value] : members) {
      object.names.push_back(name);
      object.elements.push_back(std::move(value));
    }
  }

  std::vector<json_tree> open_;
  std::string text_;
  json_tree done_;
};

void append_key(const json_tree& value, std::string& key);

void append_sized(std::string_view text, std::string& key) {
  append_big(key, static_cast<std::uint32_t>(text.size()));
  key += text;
}

void append_elements(const json_tree& value, std::string& key) {
  append_big(key, static_cast<std::uint32_t>(value.elements.size()));
  for (std::size_t i = 0; i < value.elements.size(); ++i) {
    if (value.is == json_tree::kind::object) append_sized(value.names[i], key);
    append_key(value.elements[i], key);
  }
}

void append_key(const json_tree& value, std::string& key) {
  key += static_cast<char>(value.is);
  switch (value.is) {
    case json_tree::kind::null:
      return;
    case json_tree::kind::boolean:
      key += value.truth ? '\1' : '\0';
      return;
    case json_tree::kind::number:
      return append_sized(decimal_key(value.text).value_or(value.text), key);
    case json_tree::kind::string:
      return append_sized(value.text, key);
    case json_tree::kind::array:
    case json_tree::kind::object:
      return append_elements(value, key);
  }
}

void append_text(const json_tree& value, std::string& to) {
  switch (value.is) {
    case json_tree::kind::null:
      to += "null";
      return;
    case json_tree::kind::boolean:
      to += value.truth ? "true" : "false";
      return;
    case json_tree::kind::number:
      to += value.text;
      return;
    case json_tree::kind::string:
      return append_json_string(to, value.text);
    case json_tree::kind::array:
    case json_tree::kind::object:
      break;
  }
  const bool object = value.is == json_tree::kind::object;
  to += object ? '{' : '[';
  for (std::size_t i = 0; i < value.elements.size(); ++i) {
    if (i != 0) to += ',';
    if (object) {
      append_json_string(to, value.names[i]);
      to += ':';
    }
    append_text(value.elements[i], to);
  }
  to += object ? '}' : ']';
}

bool is_container(const json_tree& value) {
  return value.is == json_tree::kind::array || value.is == json_tree::kind::object;
}

// jsonb's @> with its steps counted.
class containment {
 public:
  bool contains(const json_tree& whole, const json_tree& part) {
    // An array contains a single value as it contains the array of it, at the top only: members and
    // elements come here of one kind each.
    if (whole.is == json_tree::kind::array && !is_container(part)) return has_scalar(whole, part);
    if (whole.is != part.is || !step(1)) return false;
    if (whole.is == json_tree::kind::object) return has_members(whole, part);
    if (whole.is == json_tree::kind::array) return has_elements(whole, part);
    return equality_key(whole) == equality_key(part);
  }
  bool left() const { return left_ != 0; }

 private:
  // False: there are none left, and whatever is said means nothing.
  bool step(std::size_t count) {
    left_ -= std::min(left_, count);
    return left();
  }

  bool has_scalar(const json_tree& whole, const json_tree& wanted) {
    if (!step(whole.elements.size())) return false;
    const auto key = equality_key(wanted);
    return std::ranges::any_of(whole.elements, [&](const auto& element) {
      return element.is == wanted.is && equality_key(element) == key;
    });
  }

  bool has_members(const json_tree& whole, const json_tree& part) {
    for (std::size_t i = 0; i < part.names.size(); ++i) {
      const auto* mine = whole.member(part.names[i]);
      if (mine == nullptr || mine->is != part.elements[i].is) return false;
      if (!contains(*mine, part.elements[i])) return false;
    }
    return true;
  }

  bool has_elements(const json_tree& whole, const json_tree& part) {
    return has_scalars(whole, part) && std::ranges::all_of(part.elements, [&](const auto& wanted) {
             return !is_container(wanted) ||
                    std::ranges::any_of(whole.elements, [&](const auto& element) {
                      return step(1) && element.is == wanted.is && contains(element, wanted);
                    });
           });
  }

  bool has_scalars(const json_tree& whole, const json_tree& part) {
    const auto wanted = scalars_of(part);
    if (wanted.empty()) return true;
    return step(whole.elements.size()) && std::ranges::includes(scalars_of(whole), wanted);
  }

  // Keys, sorted, each once.
  static std::vector<std::string> scalars_of(const json_tree& array) {
    std::vector<std::string> keys;
    for (const auto& element : array.elements) {
      if (!is_container(element)) keys.push_back(equality_key(element));
    }
    std::ranges::sort(keys);
    const auto twice = std::ranges::unique(keys);
    keys.erase(twice.begin(), twice.end());
    return keys;
  }

  std::size_t left_ = json_contains_steps_max;
};

// As PostgreSQL reads it: strtol over the whole text, within an int.
std::optional<std::int64_t> element_number(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const auto number = std::strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '\0' || errno != 0 ||
      number < std::numeric_limits<std::int32_t>::min() ||
      number > std::numeric_limits<std::int32_t>::max()) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

std::optional<json_tree> json_tree::parse(std::string_view text) {
  json::parse_options options;
  options.max_depth = json_levels_max;
  json::basic_parser<builder> parser(options);
  json::error_code failure;
  const auto read = parser.write_some(false, text.data(), text.size(), failure);
  if (failure || text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
    return std::nullopt;
  return parser.handler().take();
}

const json_tree* json_tree::member(std::string_view name) const {
  const auto found = std::ranges::lower_bound(names, name, std::less<>());
  if (found == names.end() || *found != name) return nullptr;
  return &elements[static_cast<std::size_t>(found - names.begin())];
}

std::string equality_key(const json_tree& value) {
  std::string key;
  append_key(value, key);
  return key;
}

std::string to_text(const json_tree& value) {
  std::string text;
  append_text(value, text);
  return text;
}

const json_tree* at_path(const json_tree& value, std::span<const std::string> path) {
  const auto* at = &value;
  for (const auto& step : path) {
    if (at->is == json_tree::kind::object) {
      at = at->member(step);
    } else if (at->is == json_tree::kind::array) {
      const auto number = element_number(step);
      if (!number) return nullptr;
      const auto size = static_cast<std::int64_t>(at->elements.size());
      const auto place = *number < 0 ? size + *number : *number;
      at = place < 0 || place >= size ? nullptr : &at->elements[static_cast<std::size_t>(place)];
    } else {
      return nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::optional<bool> contains(const json_tree& whole, const json_tree& part) {
  containment looking;
  const bool found = looking.contains(whole, part);
  return looking.left() ? std::optional(found) : std::nullopt;
}

}  // namespace pulse::values
