#include "values/text_comparison.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/ucol.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace pulse::values {
namespace {

struct close_collator {
  void operator()(UCollator* one) const { ucol_close(one); }
};

bool is_c(std::string_view locale) {
  return locale == "C" || locale == "POSIX";
}

bool is_c_utf8(std::string_view locale) {
  return locale == "C.UTF-8" || locale == "C.utf8";
}

// Code points in order are UTF-8's bytes in order.
bool orders_by_bytes(const collation& one) {
  return one.provider == collation_provider::builtin ||
         (one.provider == collation_provider::libc &&
          (is_c(one.collate) || is_c_utf8(one.collate)));
}

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_ascii(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), ascii_lower);
  return lowered;
}

// One code point for one code point, whatever stands around it: what towlower() does. Without a
// detour by UTF-16, and most text is ASCII: this decides what a filter may look at in a turn.
std::string lower_simply(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int32_t>(text.size());
  std::string lowered;
  lowered.reserve(text.size());
  for (std::int32_t at = 0; at < size;) {
    UChar32 point = 0;
    // ICU's macro.
    // NOLINTNEXTLINE(bugprone-inc-dec-in-conditions)
    U8_NEXT_OR_FFFD(bytes, at, size, point);
    if (point < 0x80) {
      lowered.push_back(ascii_lower(static_cast<char>(point)));
      continue;
    }
    std::array<std::uint8_t, U8_MAX_LENGTH> encoded{};
    std::int32_t length = 0;
    const auto lower = static_cast<std::uint32_t>(u_tolower(point));
    U8_APPEND_UNSAFE(encoded.data(), length, lower);
    lowered.append(encoded.begin(), encoded.begin() + length);
  }
  return lowered;
}

std::string lower_fully(const icu::Locale& locale, std::string_view text) {
  auto lowered =
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int>(text.size())));
  lowered.toLower(locale);
  std::string utf8;
  return lowered.toUTF8String(utf8);
}

// Locales of the C library in which I and İ are lowered in their own way.
bool is_turkic(std::string_view ctype) {
  constexpr std::array<std::string_view, 6> languages{"tr_", "az_", "crh_", "ku_", "tt_", "ug_"};
  for (const auto language : languages) {
    if (ctype.starts_with(language)) return true;
  }
  return false;
}

value_key after(text_fold first, value_key then) {
  return [first = std::move(first), then = std::move(then)](std::string_view text) {
    return then(first(text));
  };
}

std::string unpadded(std::string_view text) {
  return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
}

std::optional<std::string> bytes(std::string_view text) {
  return std::string(text);
}

text_form form_of(std::string name, value_key key, bool bytes_only) {
  if (bytes_only) return {std::move(name), std::move(key)};
  return {std::move(name), std::move(key), folding_per_byte, folded_bytes_max};
}

result<value_key> icu_key(const collation& of) {
  UErrorCode failure = U_ZERO_ERROR;
  std::shared_ptr<UCollator> collator(ucol_open(of.collate.c_str(), &failure), close_collator{});
  if (U_FAILURE(failure) != 0) {
    return error{errc::unsupported,
                 fmt::format("Pulse's ICU does not know the locale {} of the collation {}: {}",
                             of.collate, of.name, u_errorName(failure)),
                 "compare in the application"};
  }
  return value_key([collator, deterministic = of.deterministic](
                       std::string_view text) -> std::optional<std::string> {
    const auto source =
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int>(text.size())));
    std::string key(text.size() * 4 + 16, '\0');
    const auto get = [&] {
      return ucol_getSortKey(collator.get(), source.getBuffer(), source.length(),
                             reinterpret_cast<std::uint8_t*>(key.data()),
                             static_cast<std::int32_t>(key.size()));
    };
    auto size = static_cast<std::size_t>(get());
    if (size > key.size()) {
      key.resize(size);
      size = static_cast<std::size_t>(get());
    }
    if (size == 0) return std::nullopt;
    // It ends with a zero byte. Deterministic: what ICU finds equal is ordered by its bytes.
    key.resize(size);
    if (deterministic) key += text;
    return key;
  });
}

}  // namespace

text_comparison::text_comparison(const column_type& type, const table_facts* table,
                                 const column_facts* facts)
    : type_name_(type.name), bytewise_(type.name == "char") {
  if (table == nullptr) return;
  encoding_ = table->encoding;
  if (table->database) database_ = &*table->database;
  if (facts != nullptr && facts->collated_by) collation_ = &*facts->collated_by;
}

text_comparison text_comparison::of_json(const table_facts* table) {
  text_comparison made;
  if (table == nullptr) return made;
  made.encoding_ = table->encoding;
  if (table->database) made.database_ = made.collation_ = &*table->database;
  return made;
}

error text_comparison::refused(std::string_view why) const {
  return {errc::unsupported, fmt::format("text of the collation {} {}", collation_->name, why),
          "give the column a collation that Pulse reproduces (ALTER TABLE … ALTER COLUMN … TYPE "
          "text COLLATE \"C\", or one of ICU), or compare in the application"};
}

result<const collation*> text_comparison::known() const {
  if (collation_ == nullptr) {
    return error{errc::unsupported, "the column's collation is unknown",
                 "connect again when PostgreSQL is reachable"};
  }
  if (encoding_ != "UTF8") {
    return error{
        errc::unsupported,
        fmt::format("the database's encoding is {}: Pulse orders and lowers only UTF8", encoding_),
        "compare in the application"};
  }
  return collation_;
}

result<value_key> text_comparison::collation_order() const {
  const auto one = known();
  if (!one) return one.error();
  if (orders_by_bytes(**one)) return value_key(bytes);
  if ((*one)->provider != collation_provider::icu)
    return refused("is ordered by rules of PostgreSQL's C library, which Pulse does not have");
  if (!(*one)->rules.empty()) return refused("has its own rules, which Pulse does not reproduce");
  return icu_key(**one);
}

// Also where the types have no collation, or it is not known.
bool text_comparison::compares_bytes() const {
  return type_name_ != "citext" &&
         (bytewise_ || collation_ == nullptr || orders_by_bytes(*collation_));
}

std::string text_comparison::name() const {
  const auto named = [](const collation* one) {
    return one == nullptr ? std::string()
                          : fmt::format("{} {} {} {} {}", static_cast<int>(one->provider),
                                        one->collate, one->ctype, one->deterministic, one->rules);
  };
  return fmt::format("{} {} {} / {}", type_name_, encoding_, named(collation_), named(database_));
}

result<text_form> text_comparison::equality() const {
  auto key = equality_key();
  if (!key) return key.error();
  const bool bytes_only =
      type_name_ != "citext" && (collation_ == nullptr || collation_->deterministic);
  return form_of("equal " + name(), std::move(*key), bytes_only);
}

result<text_form> text_comparison::order() const {
  auto key = order_key();
  if (!key) return key.error();
  return form_of("order " + name(), std::move(*key), compares_bytes());
}

result<value_key> text_comparison::equality_key() const {
  auto equal = value_key(bytes);
  const bool nondeterministic = collation_ != nullptr && !collation_->deterministic;
  if (nondeterministic || type_name_ == "citext") {
    if (nondeterministic) {
      auto same = collation_order();
      if (!same) return same.error();
      equal = std::move(*same);
    }
    if (type_name_ == "citext") {
      auto fold = lower();
      if (!fold) return fold.error();
      equal = after(std::move(*fold), std::move(equal));
    }
  }
  if (type_name_ == "bpchar") return after(unpadded, std::move(equal));
  return equal;
}

result<value_key> text_comparison::order_key() const {
  if (bytewise_) return value_key(bytes);
  auto ordered = collation_order();
  if (!ordered) return ordered;
  if (type_name_ == "citext") {
    auto fold = lower();
    if (!fold) return fold.error();
    return after(std::move(*fold), std::move(*ordered));
  }
  if (type_name_ == "bpchar") return after(unpadded, std::move(*ordered));
  return ordered;
}

result<text_fold> text_comparison::lower() const {
  if (bytewise_) return text_fold(lower_ascii);
  if (const auto one = known(); !one) return one.error();
  // citext is lowered as the database lowers, whatever the column's collation.
  const auto* by = type_name_ == "citext" ? database_ : collation_;
  return lower_by(by == nullptr ? *collation_ : *by);
}

result<text_fold> text_comparison::lower_by_database() const {
  if (bytewise_) return text_fold(lower_ascii);
  if (const auto one = known(); !one) return one.error();
  return lower_by(database_ == nullptr ? *collation_ : *database_);
}

result<text_fold> text_comparison::lower_by(const collation& by) const {
  switch (by.provider) {
    case collation_provider::libc:
      if (is_c(by.ctype)) return text_fold(lower_ascii);
      if (is_turkic(by.ctype))
        return refused("is lowered by rules of its language, which Pulse does not reproduce");
      return text_fold(lower_simply);
    case collation_provider::icu:
      return text_fold([locale = icu::Locale::createFromName(by.ctype.c_str())](
                           std::string_view text) { return lower_fully(locale, text); });
    case collation_provider::builtin:
      if (is_c(by.ctype)) return text_fold(lower_ascii);
      if (is_c_utf8(by.ctype)) return text_fold(lower_simply);
      return text_fold(
          [](std::string_view text) { return lower_fully(icu::Locale::getRoot(), text); });
  }
  return refused("has an unknown provider");
}

result<void> text_comparison::may_match_patterns() const {
  if (collation_ == nullptr || collation_->deterministic) return {};
  return refused("is nondeterministic, and PostgreSQL matches no patterns with such a collation");
}

}  // namespace pulse::values
