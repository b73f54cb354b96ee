// Holds JSON to the part of JSON Schema that the server's descriptions use.
#pragma once

#include <algorithm>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace pulse::server {

// Members that a schema's `properties` leave out are disagreements, so that nothing is answered
// that is not described; a schema without `properties` leaves them open.
class json_schema {
 public:
  // `document` is what references lead into: "#/components/schemas/Gap".
  explicit json_schema(const boost::json::object& document) : document_(&document) {}

  // Where and how the value is not as the schema says; empty: nowhere. Throws for a keyword that is
  // not known here: what is not checked must not look as if it were.
  std::string disagreement(const boost::json::value& value, const boost::json::object& schema,
                           const std::string& at = "$") const {
    for (const auto& [keyword, wanted] : schema) {
      auto wrong = check(keyword, wanted, value, schema, at);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  using value_type = boost::json::value;

  static bool is_of_type(const value_type& value, std::string_view type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_int64() || value.is_uint64();
    return type == "null" && value.is_null();
  }

  static bool is_of_types(const value_type& value, const value_type& types) {
    if (types.is_string()) return is_of_type(value, types.get_string());
    return std::ranges::any_of(types.as_array(),
                               [&](const auto& one) { return is_of_type(value, one.as_string()); });
  }

  std::string check(std::string_view keyword, const value_type& wanted, const value_type& value,
                    const boost::json::object& schema, const std::string& at) const {
    if (keyword == "description" || keyword == "format") return {};
    if (keyword == "$ref") return disagreement(value, referred(wanted.as_string()), at);
    if (keyword == "type") {
      return is_of_types(value, wanted) ? std::string()
                                        : at + " is not " + boost::json::serialize(wanted);
    }
    if (keyword == "enum") {
      return std::ranges::find(wanted.as_array(), value) != wanted.as_array().end()
                 ? std::string()
                 : at + " is not one of " + boost::json::serialize(wanted);
    }
    if (keyword == "anyOf") {
      const bool any = std::ranges::any_of(wanted.as_array(), [&](const auto& one) {
        return disagreement(value, one.as_object(), at).empty();
      });
      return any ? std::string() : at + " is none of the kinds that it may be";
    }
    if (keyword == "items") return check_items(wanted.as_object(), value, at);
    if (keyword == "required") return check_required(wanted.as_array(), value, at);
    if (keyword == "properties" || keyword == "additionalProperties")
      return check_members(schema, value, at);
    throw std::logic_error("json_schema knows no keyword " + std::string(keyword));
  }

  std::string check_items(const boost::json::object& schema, const value_type& value,
                          const std::string& at) const {
    if (!value.is_array()) return {};
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      auto wrong = disagreement(value.get_array()[i], schema, at + '[' + std::to_string(i) + ']');
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  static std::string check_required(const boost::json::array& names, const value_type& value,
                                    const std::string& at) {
    if (!value.is_object()) return {};
    for (const auto& name : names) {
      if (!value.get_object().contains(name.as_string()))
        return at + " lacks " + std::string(name.as_string());
    }
    return {};
  }

  std::string check_members(const boost::json::object& schema, const value_type& value,
                            const std::string& at) const {
    if (!value.is_object()) return {};
    const auto* properties = schema.if_contains("properties");
    const auto* others = schema.if_contains("additionalProperties");
    for (const auto& [name, member] : value.get_object()) {
      const auto* known =
          properties == nullptr ? nullptr : properties->as_object().if_contains(name);
      const auto* schema_of_it = known != nullptr ? known : others;
      const auto where = at + '.' + std::string(name);
      if (schema_of_it == nullptr) return where + " is not described";
      auto wrong = disagreement(member, schema_of_it->as_object(), where);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  const boost::json::object& referred(std::string_view reference) const {
    const auto slash = reference.rfind('/');
    return document_->at("components")
        .as_object()
        .at("schemas")
        .as_object()
        .at(reference.substr(slash + 1))
        .as_object();
  }

  const boost::json::object* document_;
};

}  // namespace pulse::server
