//! The agent's list of things to do, where it keeps it in a table: the CLI's `sql` tool has one that is called `todos`.
//!
//! Nobody exports the table, only the statements. Those that agents write are plain, and are followed here without being
//! run. After one that is not, nothing is said of the list until it begins anew: better none than a wrong one.

use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, InTarget, Insert, ObjectName, ObjectType, SetExpr,
    SqliteOnConflict, Statement, TableFactor, TableObject, TableWithJoins, Update, Value,
};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

use super::progress::{Task, task};

const TABLE: &str = "todos";
/// The columns of the table that matter, in its own order.
const COLUMNS: [&str; 4] = ["id", "title", "description", "status"];
/// Longer statements are not read.
const MAX_SQL: usize = 64 * 1024;
/// More rows are not kept.
const MAX_ROWS: usize = 200;

/// The table, as far as the statements tell. See the module's description.
#[derive(Debug, Default)]
pub(super) struct Todos {
    rows: Vec<Row>,
    /// Something was done to it that is not understood.
    lost: bool,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Row {
    id: String,
    title: String,
    status: String,
}

/// Whether a statement may be about the list.
pub(super) fn is_about(sql: &str) -> bool {
    sql.to_ascii_lowercase().contains(TABLE)
}

/// A statement that is not understood.
struct Unclear;

type Followed<T = ()> = Result<T, Unclear>;

impl Todos {
    /// Follows statements that have been carried out. Gives the list if it may be another one now.
    pub(super) fn follow(&mut self, sql: &str) -> Option<Vec<Task>> {
        if !is_about(sql) {
            return None;
        }
        let statements = match Parser::parse_sql(&SQLiteDialect {}, sql.get(..MAX_SQL).unwrap_or(sql)) {
            Ok(statements) if sql.len() <= MAX_SQL => statements,
            _ => return Some(self.lose()),
        };
        for statement in &statements {
            if self.statement(statement).is_err() {
                return Some(self.lose());
            }
        }
        Some(self.tasks())
    }

    fn tasks(&self) -> Vec<Task> {
        if self.lost {
            return Vec::new();
        }
        self.rows.iter().map(|row| task(if row.title.is_empty() { &row.id } else { &row.title }, &row.status)).collect()
    }

    fn lose(&mut self) -> Vec<Task> {
        *self = Self { rows: Vec::new(), lost: true };
        Vec::new()
    }

    fn statement(&mut self, statement: &Statement) -> Followed {
        match statement {
            Statement::Insert(insert) if matches!(&insert.table, TableObject::TableName(name) if is_table(name)) => {
                self.insert(insert)
            }
            Statement::Update(update) if is_its(&update.table) => self.update(update),
            Statement::Delete(delete) if deletes(delete) => self.delete(delete),
            Statement::Drop { object_type: ObjectType::Table, names, .. } if names.iter().any(is_table) => {
                *self = Self::default();
                Ok(())
            }
            Statement::AlterTable(_) => Err(Unclear),
            _ => Ok(()),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Followed {
        let Some(SetExpr::Values(values)) = insert.source.as_ref().map(|query| query.body.as_ref()) else {
            return Err(Unclear);
        };
        if insert.on.is_some() {
            return Err(Unclear);
        }
        let named: Option<Vec<String>> = insert.columns.iter().map(last_name).collect();
        let mut columns = named.ok_or(Unclear)?;
        if columns.is_empty() {
            columns = COLUMNS.map(str::to_owned).to_vec();
        }
        for values in &values.rows {
            let mut row = Row { status: "pending".to_owned(), ..Row::default() };
            for (column, value) in columns.iter().zip(values.iter()) {
                row.set(column, value)?;
            }
            let known = self.rows.iter().position(|other| other.id == row.id);
            match (known, insert.or) {
                (Some(_), Some(SqliteOnConflict::Ignore)) => {}
                (Some(place), _) => self.rows[place] = row,
                (None, _) if self.rows.len() < MAX_ROWS => self.rows.push(row),
                (None, _) => return Err(Unclear),
            }
        }
        Ok(())
    }

    fn update(&mut self, update: &Update) -> Followed {
        if update.from.is_some() || update.limit.is_some() {
            return Err(Unclear);
        }
        for row in &mut self.rows {
            if !fits(update.selection.as_ref(), row)? {
                continue;
            }
            for assignment in &update.assignments {
                let AssignmentTarget::ColumnName(column) = &assignment.target else { return Err(Unclear) };
                row.set(&last_name(column).ok_or(Unclear)?, &assignment.value)?;
            }
        }
        Ok(())
    }

    fn delete(&mut self, delete: &Delete) -> Followed {
        if delete.using.is_some() || delete.limit.is_some() {
            return Err(Unclear);
        }
        if delete.selection.is_none() {
            *self = Self::default();
        }
        let mut kept = Vec::with_capacity(self.rows.len());
        for row in std::mem::take(&mut self.rows) {
            if !fits(delete.selection.as_ref(), &row)? {
                kept.push(row);
            }
        }
        self.rows = kept;
        Ok(())
    }
}

impl Row {
    fn set(&mut self, column: &str, value: &Expr) -> Followed {
        let place = match column {
            "id" => &mut self.id,
            "title" => &mut self.title,
            "status" => &mut self.status,
            // Whatever it is, nobody is shown it.
            _ => return Ok(()),
        };
        *place = literal(value).ok_or(Unclear)?;
        Ok(())
    }

    fn get(&self, column: &str) -> Followed<&str> {
        match column {
            "id" => Ok(&self.id),
            "title" => Ok(&self.title),
            "status" => Ok(&self.status),
            _ => Err(Unclear),
        }
    }
}

/// Whether a row is meant.
fn fits(condition: Option<&Expr>, row: &Row) -> Followed<bool> {
    let Some(condition) = condition else { return Ok(true) };
    match condition {
        Expr::Nested(inner) => fits(Some(inner), row),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => Ok(fits(Some(left), row)? & fits(Some(right), row)?),
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => Ok(fits(Some(left), row)? | fits(Some(right), row)?),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Eq | BinaryOperator::NotEq), right } => {
            let is = row.get(&column(left)?)? == literal(right).ok_or(Unclear)?;
            Ok(is == (*op == BinaryOperator::Eq))
        }
        Expr::In { expr, target: InTarget::List(list), negated, .. } => {
            let value = row.get(&column(expr)?)?;
            let listed: Option<Vec<String>> = list.iter().map(literal).collect();
            Ok(listed.ok_or(Unclear)?.iter().any(|one| one == value) != *negated)
        }
        _ => Err(Unclear),
    }
}

fn column(expression: &Expr) -> Followed<String> {
    match expression {
        Expr::Identifier(name) => Ok(name.value.to_ascii_lowercase()),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.to_ascii_lowercase()).ok_or(Unclear),
        _ => Err(Unclear),
    }
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
            Value::Number(number, _) => Some(number.clone()),
            Value::Null => Some(String::new()),
            _ => None,
        },
        // SQLite takes a name in double quotes for a text where there is no such column.
        Expr::Identifier(name) if name.quote_style == Some('"') => Some(name.value.clone()),
        _ => None,
    }
}

fn last_name(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.to_ascii_lowercase())
}

fn is_table(name: &ObjectName) -> bool {
    last_name(name).is_some_and(|name| name == TABLE)
}

fn is_its(table: &TableWithJoins) -> bool {
    matches!(&table.relation, TableFactor::Table { name, .. } if is_table(name))
}

fn deletes(delete: &Delete) -> bool {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
    tables.iter().any(is_its)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::TaskState::{self, Doing, Done, Open};

    fn followed(statements: &[&str]) -> Option<Vec<(String, TaskState)>> {
        let mut todos = Todos::default();
        let mut last = None;
        for sql in statements {
            last = todos.follow(sql).or(last);
        }
        Some(last?.into_iter().map(|task| (task.title, task.state)).collect())
    }

    const MADE: &str = "INSERT INTO todos (id, title, status) VALUES ('a', 'Look', 'done'), ('b', 'It''s to change', \
                        'in_progress'), ('c', 'Measure', 'pending')";

    #[test]
    fn what_agents_write_is_followed() {
        let list = |states: [TaskState; 3]| {
            let titles = ["Look", "It's to change", "Measure"].map(str::to_owned);
            Some(titles.into_iter().zip(states).collect::<Vec<_>>())
        };
        assert_eq!(followed(&[MADE]), list([Done, Doing, Open]));
        for (sql, then) in [
            ("UPDATE todos SET status = 'done' WHERE id = 'b'", [Done, Done, Open]),
            (
                "update todos set status='in_progress', updated_at=datetime('now') where id in ('c','x')",
                [Done, Doing, Doing],
            ),
            (
                "UPDATE todos SET status = \"done\" WHERE status != 'done' AND (id = 'b' OR title = 'Measure');",
                [Done, Done, Done],
            ),
            ("UPDATE todos SET status = 'pending'", [Open, Open, Open]),
            ("SELECT * FROM todos WHERE length(title) > 3", [Done, Doing, Open]),
            ("INSERT INTO todo_deps (todo_id, depends_on) VALUES ('b', 'a'); SELECT * FROM todos", [Done, Doing, Open]),
            ("INSERT OR IGNORE INTO todos (id, title) VALUES ('a', 'Again')", [Done, Doing, Open]),
            ("INSERT OR REPLACE INTO todos VALUES ('a', 'Look', 'why', 'in_progress')", [Doing, Doing, Open]),
        ] {
            assert_eq!(followed(&[MADE, sql]), list(then), "{sql}");
        }
        assert_eq!(followed(&[MADE, "DELETE FROM todos WHERE id <> 'c'"]), Some(vec![("Measure".to_owned(), Open)]));
        assert_eq!(followed(&["INSERT INTO todos (id) VALUES ('x')"]), Some(vec![("x".to_owned(), Open)]));
        assert_eq!(followed(&["SELECT 1", "DROP TABLE notes"]), None, "other tables are nobody's list");
    }

    #[test]
    fn a_list_that_cannot_be_followed_is_not_shown_until_it_begins_anew() {
        for sql in [
            "UPDATE todos SET status = (SELECT max(status) FROM other)",
            "UPDATE todos SET status = 'done' WHERE title LIKE 'L%'",
            "DELETE FROM todos WHERE rowid = 3",
            "INSERT INTO todos SELECT * FROM old",
            "INSERT INTO todos (id, title) VALUES ('a', upper('x'))",
            "ALTER TABLE todos ADD COLUMN x",
            "UPDATE todos SET nonsense nonsense",
        ] {
            assert_eq!(followed(&[MADE, sql]), Some(Vec::new()), "{sql}");
            assert_eq!(followed(&[MADE, sql, MADE]), Some(Vec::new()), "nobody knows what is beside: {sql}");
            assert_eq!(followed(&[MADE, sql, "DELETE FROM todos", MADE]).map(|list| list.len()), Some(3), "{sql}");
        }
        let deep = format!("DELETE FROM todos WHERE {}id = 'a'{}", "(".repeat(5_000), ")".repeat(5_000));
        let long = format!("DELETE FROM todos WHERE title = '{}'", "é".repeat(MAX_SQL));
        assert_eq!((followed(&[MADE, &deep]), followed(&[MADE, &long])), (Some(Vec::new()), Some(Vec::new())));
    }
}
