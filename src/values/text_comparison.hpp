// Text as a column's collation compares and lowers it.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "change/relation.hpp"
#include "change/table_facts.hpp"
#include "values/value_key.hpp"

namespace pulse::values {

using text_fold = std::function<std::string(std::string_view)>;

// What is reproduced here: C and POSIX; C.UTF-8 of the C library and PostgreSQL's built-in
// collations, which order by code points; ICU's, by the library that this program is linked with.
// The rules of the C library's other locales are part of the server's operating system: errors
// (errc::unsupported) name the collation and say what can be done.
class text_comparison {
 public:
  // Of one text column; `facts` may be null (not known).
  text_comparison(const column_type& type, const table_facts* table, const column_facts* facts);
  // Of strings in jsonb: by the database's own rules.
  static text_comparison of_json(const table_facts* table);

  // Keys that are equal for values that PostgreSQL's = finds equal.
  result<text_form> equality() const;
  // Keys in PostgreSQL's order.
  result<text_form> order() const;
  // lower(), which ILIKE works with too: code point by code point, or as ICU has it.
  result<text_fold> lower() const;
  // The same with the database's own collation, which is that of a query's parameters.
  result<text_fold> lower_by_database() const;
  // The same for columns that are compared and lowered in the same way.
  std::string name() const;
  // LIKE does not work with a nondeterministic collation (manual, section 24.2.2.4).
  result<void> may_match_patterns() const;

 private:
  text_comparison() = default;
  result<const collation*> known() const;
  result<value_key> collation_order() const;
  result<value_key> equality_key() const;
  result<value_key> order_key() const;
  bool compares_bytes() const;
  result<text_fold> lower_by(const collation& by) const;
  error refused(std::string_view why) const;

  std::string type_name_;
  const collation* collation_ = nullptr;
  const collation* database_ = nullptr;
  std::string encoding_;
  bool bytewise_ = false;  // the type has no collation: "char"
};

}  // namespace pulse::values
