//! Parses a source file: its functions with their lengths, and the paths that it names. Code under `cfg(test)` is skipped.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, ItemFn, ItemImpl, ItemMod, ItemUse, Path, TraitItemFn, UseTree, Visibility};

/// What the checks need to know of a file.
#[derive(Default)]
pub(crate) struct Syntax {
    /// Name, and length in lines from the signature to the closing brace.
    pub(crate) functions: Vec<(String, usize)>,
    /// Segments of every path in a `use` item or in code.
    pub(crate) paths: Vec<Vec<String>>,
}

impl Syntax {
    pub(crate) fn of(text: &str) -> Syntax {
        let mut syntax = Syntax::default();
        syntax.visit_file(&syn::parse_file(text).unwrap());
        syntax
    }

    fn add_function(&mut self, name: &syn::Ident, signature: &impl Spanned, body: &impl Spanned) {
        let lines = body.span().end().line - signature.span().start().line + 1;
        self.functions.push((name.to_string(), lines));
    }

    fn add_use(&mut self, prefix: &[String], tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                let prefix = [prefix, &[path.ident.to_string()]].concat();
                self.add_use(&prefix, &path.tree);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(prefix, tree)),
            UseTree::Name(name) => self.paths.push([prefix, &[name.ident.to_string()]].concat()),
            UseTree::Rename(rename) => self.paths.push([prefix, &[rename.ident.to_string()]].concat()),
            UseTree::Glob(_) => self.paths.push(prefix.to_vec()),
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let is_cfg_test =
        |it: &Attribute| it.path().is_ident("cfg") && it.parse_args::<Path>().is_ok_and(|path| path.is_ident("test"));
    attributes.iter().any(|it| it.path().is_ident("test") || is_cfg_test(it))
}

impl<'ast> Visit<'ast> for Syntax {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if !is_test(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_test(&item.attrs) {
            self.add_use(&[], &item.tree);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_test(&item.attrs) {
            self.add_function(&item.sig.ident, &item.sig, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            self.add_function(&item.sig.ident, &item.sig, &item.block);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.add_function(&item.sig.ident, &item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    /// `pub(super)` is not an import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }
}
