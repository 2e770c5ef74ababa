//! Long lists of tokens: two bytes each, as long as their ids allow.

use super::Token;

/// A growing list of tokens. The first id beyond 16 bits makes all of them wider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(Ids);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ids {
    Narrow(Vec<u16>),
    Wide(Vec<u32>),
}

impl Default for Tokens {
    fn default() -> Tokens {
        Tokens(Ids::Narrow(Vec::new()))
    }
}

impl Tokens {
    /// Appends a token.
    #[inline]
    pub fn push(&mut self, token: Token) {
        match &mut self.0 {
            Ids::Narrow(ids) => match u16::try_from(token.0) {
                Ok(id) => ids.push(id),
                Err(_) => self.push_wide(token),
            },
            Ids::Wide(ids) => ids.push(token.0),
        }
    }

    #[cold]
    fn push_wide(&mut self, token: Token) {
        let ids = self.iter().chain([token]).map(|token| token.0).collect();
        self.0 = Ids::Wide(ids);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Ids::Narrow(ids) => ids.len(),
            Ids::Wide(ids) => ids.len(),
        }
    }

    /// The token at a place, if there are so many.
    pub fn get(&self, index: usize) -> Option<Token> {
        match &self.0 {
            Ids::Narrow(ids) => ids.get(index).map(|&id| Token(id.into())),
            Ids::Wide(ids) => ids.get(index).map(|&id| Token(id)),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = Token> + Clone + '_ {
        let (narrow, wide) = match &self.0 {
            Ids::Narrow(ids) => (ids.as_slice(), &[][..]),
            Ids::Wide(ids) => (&[][..], ids.as_slice()),
        };
        let narrow = narrow.iter().map(|&id| Token(id.into()));
        narrow.chain(wide.iter().map(|&id| Token(id)))
    }

    /// The ids, if all have 16 bits.
    pub(crate) fn narrow(&self) -> Option<&[u16]> {
        match &self.0 {
            Ids::Narrow(ids) => Some(ids),
            Ids::Wide(_) => None,
        }
    }
}

impl Extend<Token> for Tokens {
    fn extend<I: IntoIterator<Item = Token>>(&mut self, tokens: I) {
        tokens.into_iter().for_each(|token| self.push(token));
    }
}

impl FromIterator<Token> for Tokens {
    fn from_iter<I: IntoIterator<Item = Token>>(tokens: I) -> Tokens {
        let mut list = Tokens::default();
        list.extend(tokens);
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_comes_back_whatever_follows() {
        let ids = [0, 1, 65_535, 65_536, 7, u32::MAX];
        let mut tokens = Tokens::default();
        assert!(tokens.is_empty());
        for (count, &id) in ids.iter().enumerate() {
            tokens.push(Token(id));
            assert_eq!(tokens.narrow().is_some(), count < 3);
            assert_eq!((tokens.len(), tokens.is_empty()), (count + 1, false));
            assert_eq!((tokens.get(count), tokens.get(count + 1)), (Some(Token(id)), None));
            assert!(tokens.iter().eq(ids[..=count].iter().map(|&id| Token(id))));
        }
    }
}
