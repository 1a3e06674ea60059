//! [`Topics`]: a selection of the topics of the platform. Pure.

use std::fmt;

use events::{Category, topics};

/// Some or all topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics(Vec<Category>);

/// The name is neither a category nor a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTopic {
    name: String,
    prefix: String,
}

impl Topics {
    /// The topics of all categories.
    pub fn all() -> Topics {
        Topics(Category::ALL.to_vec())
    }

    /// The topics with these names, each of which is a category or a topic, with or without the prefix of this platform; all topics
    /// if there are no names.
    pub fn parse(names: &[String], prefix: &str) -> Result<Topics, UnknownTopic> {
        if names.is_empty() {
            return Ok(Topics::all());
        }
        let category = |name: &String| {
            let by_name = Category::ALL.into_iter().find(|category| category.as_str() == name);
            let found = by_name.or_else(|| topics::category_of(prefix, name)).or_else(|| topics::category_of("", name));
            found.ok_or_else(|| UnknownTopic { name: name.clone(), prefix: prefix.to_owned() })
        };
        names.iter().map(category).collect::<Result<_, _>>().map(Topics)
    }

    /// Whether the topic of this category is selected.
    pub fn contains(&self, category: Category) -> bool {
        self.0.contains(&category)
    }
}

impl fmt::Display for UnknownTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--topic {} is neither a category nor a topic: use one of", self.name)?;
        for (index, category) in Category::ALL.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator} {category} ({})", topics::topic(&self.prefix, category))?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownTopic {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_named_by_its_category_or_by_its_name() {
        let parse = |name: &str| Topics::parse(&[name.to_owned()], "eu.");
        for name in ["order", "orders.v1", "eu.orders.v1"] {
            assert_eq!(parse(name), Ok(Topics(vec![Category::Order])));
        }
        assert_eq!(Topics::parse(&[], "eu."), Ok(Topics::all()));
        let unknown = parse("orders").unwrap_err().to_string();
        assert!(
            unknown.starts_with("--topic orders is neither") && unknown.contains("order (eu.orders.v1), stock"),
            "{unknown}"
        );
    }
}
