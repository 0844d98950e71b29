-- Written by `ost-assets lock`. Do not edit.
alter table "PROJECT" add constraint "PROJECT_author_id_fkey" FOREIGN KEY (author_id) REFERENCES "USER"(id);
alter table "PROJECT" add constraint "PROJECT_owner_id_fkey" FOREIGN KEY (owner_id) REFERENCES "USER"(id);
alter table "USER_CATEGORY" add constraint "USER_CATEGORY_category_id_fkey" FOREIGN KEY (category_id) REFERENCES "CATEGORY"(id);
alter table "USER_CATEGORY" add constraint "USER_CATEGORY_user_id_fkey" FOREIGN KEY (user_id) REFERENCES "USER"(id);
alter table "USER_TECH_STACK" add constraint "USER_TECH_STACK_tech_stack_id_fkey" FOREIGN KEY (tech_stack_id) REFERENCES "TECH_STACK"(id);
alter table "USER_TECH_STACK" add constraint "USER_TECH_STACK_user_id_fkey" FOREIGN KEY (user_id) REFERENCES "USER"(id);
alter table "PROJECT_CATEGORY" add constraint "PROJECT_CATEGORY_category_id_fkey" FOREIGN KEY (category_id) REFERENCES "CATEGORY"(id);
alter table "PROJECT_CATEGORY" add constraint "PROJECT_CATEGORY_project_id_fkey" FOREIGN KEY (project_id) REFERENCES "PROJECT"(id);
alter table "PROJECT_TECH_STACK" add constraint "PROJECT_TECH_STACK_project_id_fkey" FOREIGN KEY (project_id) REFERENCES "PROJECT"(id);
alter table "PROJECT_TECH_STACK" add constraint "PROJECT_TECH_STACK_tech_stack_id_fkey" FOREIGN KEY (tech_stack_id) REFERENCES "TECH_STACK"(id);
alter table "embed_PROJECTS" add constraint "embed_PROJECTS_project_id_fkey" FOREIGN KEY (project_id) REFERENCES "PROJECT"(id);
alter table "embed_USERS" add constraint "embed_USERS_user_id_fkey" FOREIGN KEY (user_id) REFERENCES "USER"(id);
alter table "USER_PROJECT_SIMILARITY" add constraint "USER_PROJECT_SIMILARITY_project_id_fkey" FOREIGN KEY (project_id) REFERENCES "PROJECT"(id);
alter table "USER_PROJECT_SIMILARITY" add constraint "USER_PROJECT_SIMILARITY_user_id_fkey" FOREIGN KEY (user_id) REFERENCES "USER"(id);
alter table "test_similarities" add constraint "test_similarities_project_id_fkey" FOREIGN KEY (project_id) REFERENCES test_projects(id);
alter table "test_similarities" add constraint "test_similarities_user_id_fkey" FOREIGN KEY (user_id) REFERENCES test_users(id);
